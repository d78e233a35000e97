"""Templates and values make the message; markup in a value has no effect."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.notifications.domain import sms
from services.notifications.domain.refusals import Refusal
from services.notifications.domain.sanitisation import report, sanitised
from services.notifications.domain.templates import Content, Template, compose

EMAIL = Template(
    id="t",
    service="s",
    type="email",
    name="Move",
    version=1,
    body="",
    subject="Hello ((name))",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=None,
    created_by="staff",
)
SMS = replace(EMAIL, type="sms", subject=None)


def email(body: str, **values: object) -> Content:
    return compose(replace(EMAIL, body=body, subject="Subject"), values)


def text(body: str, *, prefix: str | None = None, **values: object) -> str:
    return compose(replace(SMS, body=body), values, prefix=prefix).body


def html(body: str, **values: object) -> str:
    return email(body, **values).html or ""


def test_names_of_values_ignore_case_spaces_underscores_and_hyphens() -> None:
    template = replace(EMAIL, body="((First name)) ((date-of_birth))")
    assert compose(template, {"NAME": "x", "first_name": "Ada", "Date Of Birth": 1815}).body == "Ada 1815"


def test_missing_values_are_named_in_the_order_of_the_template() -> None:
    with pytest.raises(Refusal) as refused:
        compose(replace(EMAIL, body="((b)) ((a??text)) ((b))"), {"x": 1, "a": None})
    assert refused.value.errors == (("BadRequestError", "Missing personalisation: name, b, a"),)


@pytest.mark.parametrize("value", ["yes", "Y", True, "true", "T", 1, "1", "include", "show"])
def test_a_conditional_shows_its_text(value: object) -> None:
    assert text("Hi((x?? there))", x=value) == "Hi there"


@pytest.mark.parametrize("value", ["no", False, 0, "", "2", []])
def test_a_conditional_hides_its_text(value: object) -> None:
    assert text("Hi((x?? there))", x=value) == "Hi"


def test_a_list_reads_as_a_sentence_in_a_text_and_as_bullets_in_an_email() -> None:
    assert text("Bring ((things))", things=["a", "b", None, "c"]) == "Bring a, b and c"
    content = email("Bring ((things))", things=["a", "<b>"])
    assert content.body == "Bring \n\n* a\n* <b>"
    assert "<ul" in (content.html or "")
    assert "&lt;b&gt;" in (content.html or "")
    assert "* a\n* <b>" in (content.text or "")


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert text("((a))", a="((b))", b="secret") == "((b))"


def test_a_subject_is_one_line() -> None:
    content = compose(replace(EMAIL, body="x"), {"name": "Ada\r\nBcc: eve@example.com"})
    assert content.subject == "Hello Ada Bcc: eve@example.com"


def test_the_markdown_subset_becomes_html() -> None:
    got = html(
        "# Head\n## Sub\ntext\nnext\n\n* one\n* two\n\n1. first\n2. second\n\n^ inset\n\n---\n\n[here](https://a.example/x?y=1&z=2) https://b.example/."
    )
    assert ">Head</h2>" in got
    assert ">Sub</h3>" in got
    assert "text<br>next" in got
    assert got.count("<li ") == 4
    assert "<ul" in got
    assert "<ol" in got
    assert "<blockquote" in got
    assert "<hr" in got
    assert '<a href="https://a.example/x?y=1&amp;z=2"' in got
    assert '<a href="https://b.example/"' in got


def test_nothing_else_of_markdown_is_understood() -> None:
    got = html("*a* **b** `c` ![d](https://e.example/i.png) <b>f</b> > g\n\n> h\n\n    code\n\n### deep")
    assert "<em" not in got
    assert "<strong" not in got
    assert "<img" not in got
    assert "<code" not in got
    assert "<blockquote" not in got
    assert "&lt;b&gt;f&lt;/b&gt;" in got
    assert "&gt; h" in got


@pytest.mark.parametrize(
    "value",
    [
        "[win](https://evil.example)",
        "https://evil.example/login",
        "\n\n# Urgent\n\n* pay",
        "<script>alert(1)</script>",
        "<a href='https://evil.example'>x</a>",
        "\ue0000\ue001\ue0001\ue001",
        '"><img src=x onerror=alert(1)>',
    ],
)
def test_a_value_cannot_inject_markup_or_links(value: str) -> None:
    got = html("Dear ((name)), thank you ((name)).", name=value)
    assert "<a " not in got
    assert "<script" not in got
    assert "<img" not in got
    assert got.count("<p") == 1
    assert "<h2" not in got
    assert "<ul" not in got


def test_a_link_made_of_a_value_goes_only_to_the_web_mail_or_a_telephone() -> None:
    assert "<a " not in html("[Sign in](((link)))", link="javascript:alert(1)")
    assert '<a href="https://council.example/?a=1&amp;b=%22"' in html("[Sign in](((link)))", link='https://council.example/?a=1&b="')
    assert '<a href="https://council.example/?t=a%26b%2Fc"' in html("[Sign in](https://council.example/?t=((t)))", t="a&b/c")


def test_plain_text_of_an_email_keeps_words_and_addresses() -> None:
    got = (
        email("# Head\n\nHello ((name))\n\n* one\n* two\n\n2. first\n3. second\n\n[here](https://a.example/)", name="<Ada> & *Bob*").text
        or ""
    )
    assert got.startswith("Head\n====")
    assert "Hello <Ada> & *Bob*" in got
    assert "* one\n* two" in got
    assert "2. first\n3. second" in got
    assert "here: https://a.example/" in got


def test_sanitising_reports_both_forms_and_the_reader_sees_no_backslashes() -> None:
    before = {"name": "[win](https://evil.example) *now*", "other": "*"}
    values = sanitised(before, ["NAME"])
    assert report(before, values) == {"name": {"unsanitised": before["name"], "sanitised": "\\[win\\]\\(\\) \\*now\\*"}}
    content = compose(replace(EMAIL, subject="s", body="((name))"), values)
    assert content.body == "\\[win\\]\\(\\) \\*now\\*"
    assert "[win]() *now*" in (content.html or "")


def test_an_email_of_two_million_bytes_is_the_longest() -> None:
    assert email("((x))", x="é" * 1_000_000).body
    with pytest.raises(Refusal) as refused:
        email("((x))", x="é" * 1_000_001)
    assert "Emails cannot be longer than 2000000 bytes. Your message is 2000002 bytes." in refused.value.errors[0][1]


def test_an_empty_message_is_refused() -> None:
    for make in (text, email):
        with pytest.raises(Refusal) as refused:
            make("((x))", x="  ")
        assert refused.value.errors[0][1] == "Your message is empty."


def test_a_text_goes_down_to_the_gsm_alphabet() -> None:
    assert text("“Hi” – it’s… ((n))", n="Łukasz Nuñez Škoda 漢 \u200bé ß €") == '"Hi" - it\'s... Lukasz Nuñez Skoda ? é ß €'


def test_welsh_letters_stay_and_cost_more() -> None:
    assert text("Tŷ bach") == "Tŷ bach"
    assert sms.fragments("ŷ" * 70) == 1
    assert sms.fragments("ŷ" * 71) == 2


def test_spaces_and_empty_lines_are_tidied_and_the_service_named() -> None:
    assert text("  a   b ,c\n\n\n\nd  ", prefix="Hackney") == "Hackney: a b,c\n\nd"


@pytest.mark.parametrize(
    ("characters", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2)]
)
def test_parts_are_counted(characters: str, parts: int) -> None:
    assert sms.fragments(characters) == parts


def test_a_text_of_918_characters_without_the_prefix_is_the_longest() -> None:
    assert len(text("((x))", prefix="Hackney", x="a" * 918)) == 918 + len("Hackney: ")
    with pytest.raises(Refusal) as refused:
        text("((x))", prefix="Hackney", x="a" * 973)
    assert refused.value.errors[0][1] == (
        "Your message is too long. Text messages cannot be longer than 918 characters. Your message is 973 characters long."
    )
