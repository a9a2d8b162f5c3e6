"""Markdown as HTML."""

from training.report import html


def test_markdown_becomes_escaped_tables_that_line_up() -> None:
    lead, parts = html.parts(
        "# Title\n\nSome **text**.\n\n## A & B\n\n| a | b | c |\n|---|---|---|\n| x | 1.5 | 8 kbit/s |\n"
    )
    assert "Title" not in lead
    assert "<strong>text</strong>" in lead
    assert parts[0].title == "A & B"
    assert '<th scope="col" class="n">b</th>' in parts[0].html
    assert "<td>8 kbit/s</td>" in parts[0].html
    assert html.render("<script>1</script>").strip() == "<p>&lt;script&gt;1&lt;/script&gt;</p>"
    assert html.render("+ is better").strip() == "<p>+ is better</p>"
    assert "class" not in html.render("| a | b |\n|---|---|\n| far ahead | x |\n").split("<tbody>")[1]
    assert "<a" not in html.render("[x](javascript:1) ![y](http://a/b.png) <http://a>")
