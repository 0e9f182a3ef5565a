"""In which language a text is: right where it is told, and not told where it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback.language import UNKNOWN, language
from tests.domain.similar.pairs import PAIRS, TITLES
from tests.figures import Tell

TOLD = {
    "en": ["The app crashes when I open it", "I cannot log in since the update", "The button does nothing"],
    "de": ["Die App stürzt ab, wenn ich sie öffne", "Ich kann mich nicht anmelden", "Warum ist das so langsam?"],
    "fr": ["L’application plante quand je l’ouvre", "Le bouton ne fait rien et je ne sais pas pourquoi"],
    "es": ["No puedo iniciar sesión desde la última actualización"],
    "it": ["L'app si blocca quando la apro", "Il pulsante non fa niente e non so cosa fare quando succede"],
    "pt": ["O aplicativo fecha quando eu abro", "O botão não faz nada"],
    "nl": ["De app crasht als ik hem open", "Ik kan niet inloggen", "Waarom is het zo traag?"],
    "sv": ["Appen kraschar när jag öppnar den", "Jag kan inte logga in"],
    "pl": ["Aplikacja się zawiesza, kiedy ją otwieram", "Nie mogę się zalogować od aktualizacji"],
    "ru": ["Приложение вылетает, когда я его открываю"],
    "uk": ["Я не можу увійти після оновлення"],
    "ja": ["アプリを開くと落ちます", "検索が遅いです"],
    "zh": ["打开应用程序时会崩溃"],
    "ko": ["앱을 열면 충돌합니다"],
    "el": ["Η εφαρμογή κλείνει όταν την ανοίγω"],
    "th": ["แอปค้างเมื่อฉันเปิด"],
}
NOT_TOLD = [
    *(
        "",
        "   ",
        "?!",
        "404",
        "ok",
        "Dark mode",
        "Super",
        "CSV export",
        "App crash",
        "登録",
        "No",
        "a la carte",
        "https://a.de/b",
    ),
    # Of languages that are not known here, and of neighbours of those that are.
    *("O le mea lea e le lelei", "Hierdie knoppie werk nie en ek weet nie hoekom nie", "Aplikacija se zatvori kad je otvorim"),
    *("A aplicación péchase cando a abro", "Bu düymə işləmir", "Aplikasi ini tidak boleh dibuka dan saya sudah cuba"),
]


@pytest.mark.parametrize(("spoken", "text"), [(spoken, text) for spoken, texts in TOLD.items() for text in texts])
def test_it_is_told(spoken: str, text: str) -> None:
    assert language(text) == spoken
    assert language(text.upper()) == spoken


@pytest.mark.parametrize("text", NOT_TOLD)
def test_it_is_not_guessed(text: str) -> None:
    assert language(text) == UNKNOWN


def test_what_is_told_of_short_feedback_is_right(tell: Tell) -> None:
    """The labelled pairs, three languages among them, were written without sight of this."""
    texts = [*TITLES, *(pair.query for pair in PAIRS)]
    found = [(language(text), text) for text in texts]
    others = [(spoken, text) for spoken, text in found if spoken not in ("en", UNKNOWN)]
    assert {spoken for spoken, _ in others} <= {"de", "es", "fr"}
    sure = sum(spoken != UNKNOWN for spoken, _ in found)
    tell(f"language: {len(texts)} texts, {sure} told")
    assert sure > len(texts) / 2


@given(st.text(max_size=300))
def test_anything_has_an_answer(text: str) -> None:
    assert language(text) == language(text)
    assert language(text)
