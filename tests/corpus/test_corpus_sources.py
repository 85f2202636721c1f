"""What the readers make of the packages' files and of a folder of one's own."""

import re

import pytest

from locolab.corpus import MissingPackage, sources


def read(reader):
    try:
        return {document.id: document.text for document in reader()}
    except MissingPackage as error:
        pytest.skip(str(error))


def test_wiki_articles_start_with_their_title():
    articles = read(sources.wiki)
    assert len(articles) == 10_033
    assert articles["wiki/Tomato"].startswith("Tomato\nThe tomato is a plant whose fruit is an edible berry")


def test_factbook_fields_name_their_country_and_carry_no_markup():
    fields = read(sources.factbook)
    assert len(fields) == 9_040
    assert fields["factbook/fr/Introduction/Background"].startswith("France: Background\nFrance today is one")
    assert {len(text.partition("\n")[2]) >= 80 for text in fields.values()} == {True}
    assert not [id_ for id_, text in fields.items() if re.search(r"</?(b|br|p|strong|em)\b|&[a-z]+;", text)]
    assert not [id_ for id_, text in fields.items() if text.startswith(":")]


def test_own_files_are_cut_at_blank_lines_in_name_order(tmp_path):
    paragraphs = [f"Paragraph {number} " + "word " * 100 for number in range(10)]  # about 510 characters each
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "long.txt").write_text("\n \n".join(paragraphs))
    (tmp_path / "a.txt").write_text("\ufeffOne.\r\n\r\nTwo.", encoding="utf-8", newline="")
    (tmp_path / "notes.md").write_text("not read")
    found = list(sources.folder_text(tmp_path))
    assert [document.id for document in found] == [
        "text/a.txt#0",
        "text/b/long.txt#0",
        "text/b/long.txt#1",
        "text/b/long.txt#2",
    ]
    assert found[0].text == "One.\n\nTwo."
    assert "\n\n".join(document.text for document in found[1:]) == "\n\n".join(paragraphs)
    assert all(len(document.text) >= sources.PIECE for document in found[1:3])
