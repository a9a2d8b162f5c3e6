"""Markdown as HTML."""

from training.report import html


def test_markdown_becomes_escaped_tables_that_line_up() -> None:
    head, lead, parts = html.parts(
        "# Title\n\nSome **text**.\n\n## A & B\n\n| a | b | c |\n|---|---|---|\n| x | 1.5 | 8 kbit/s |\n"
    )
    assert head == "Title"
    assert "Title" not in lead
    assert "<strong>text</strong>" in lead
    assert parts[0].title == "A & B"
    assert '<th scope="col" class="n">b</th>' in parts[0].html
    assert "<td>8 kbit/s</td>" in parts[0].html
    assert html.render("<script>1</script>").strip() == "<p>&lt;script&gt;1&lt;/script&gt;</p>"
    assert html.render("+ is better").strip() == "<p>+ is better</p>"
    assert "class" not in html.render("| a | b |\n|---|---|\n| far ahead | x |\n").split("<tbody>")[1]
    assert "<a" not in html.render("[x](javascript:1) ![y](http://a/b.png) <http://a>")


def test_parts_without_content_are_left_out_and_long_names_may_be_broken() -> None:
    _, lead, parts = html.parts("## One\n\n## Two\n\n| a | b |\n|---|---|\n\n## Three\n\ntext\n")
    assert lead == "" and [part.title for part in parts] == ["Three"]
    long = html.render(f"| a | b |\n|---|---|\n| {'x' * 40} | {'y' * 40} |\n")
    assert long.count('class="long"') == 1 and '<table class="sortable">' in long
