"""Tables in markdown."""

from training import markdown


def test_a_section_is_a_heading_a_paragraph_and_a_table() -> None:
    text = markdown.section("Title", "A note.", ["a", "b"], [["1", "x"], ["2", ""]])
    assert text == "## Title\n\nA note.\n\n| a | b |\n| --- | --- |\n| 1 | x |\n| 2 |  |\n"
    assert markdown.section("Title", "", ["a"], []) == "## Title\n\n| a |\n| --- |\n"
