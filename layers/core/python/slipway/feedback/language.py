"""Which language a text is in, where that can be told; what cannot be is no language, and never a guess.

A script that one language alone has says it. In Latin and Cyrillic letters the small words do that every sentence has: a
language is told where at least two different ones of its own stand there and twice as many as of any other, or where a longer
text has half as many again. Languages without small words here of their own are told from none, so their neighbours stand here
too. The locale that came with the text is no evidence: it is of the device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

UNKNOWN = "unknown"
MOST_LETTERS, LONG = 2_000, 12  # of a text that are looked at; words of a longer one
SHARED = 3  # languages that have a small word, at most, for it to be one's own
_ENOUGH = 8  # Han characters

_WORDS = {
    "en": """the and is are was were this that these those it its you your we our they them their not have has had can could
        would should with for from when what which who how why but there been being i my me im ive dont doesnt cant wont
        didnt isnt please every about into after before because only just does did all an of on a to in be by if or at
        so as no do""",
    "de": """der die das und ist sind war nicht ein eine einen einem einer mit für auf von zu den dem des ich wir sie ihr es
        auch wenn aber oder wie kann können mir mich bei nach noch nur schon wird werden wurde hat haben sich dass bitte
        sehr im am zum zur kein keine mehr man als""",
    "fr": """le la les un une des du et est sont était ne pas que qui pour dans sur avec je vous nous il elle ils mais ou où
        plus au aux ce cette ces mon ma mes votre quand très peut être fait faire y jai cest nest dun dune lapplication""",
    "es": """el la los las un una y es son está están no que por para con del al en se lo mi mis su sus pero cuando muy más
        como hay me nos este esta puedo puede quiero ser hacer desde sobre todo también ya""",
    "it": """il lo la gli le un una e è sono non che per con del della dei delle nel nella di da mi ci si ma quando molto più
        come questo questa anche ho hanno posso può essere fare ogni sul sulla vorrei dopo""",
    "pt": """o a os as um uma e é são não que para com do da dos das no na nos nas em por se mas quando muito mais como este
        esta meu minha você eu ao está estão foi ser fazer isso também pode posso depois já""",
    "nl": """de het een en is zijn niet van voor met op dat die dit ik je we wij er maar als ook kan kunnen mijn bij naar nog
        wel geen wordt worden heeft hebben om te uit aan door zo wat waarom graag elke""",
    "sv": """och är det att en ett inte som på för med jag vi ni han hon den de av till från men om när kan har hade var vill
        skulle mycket min mitt man bara efter eller också""",
    "da": """og er det at en et ikke som på for med jeg vi han hun den de af til fra men om når kan har havde var vil skulle
        meget min mit man kun efter eller også hver jeres""",
    "nb": """og er det at en et ikke som på for med jeg vi han hun den de av til fra men om når kan har hadde var vil skulle
        veldig min mitt man bare etter eller også hver dere""",
    "pl": """i w na z do nie się jest są to że jak ale po dla od przez czy co kiedy bardzo mi mnie moje mój można być tylko
        oraz już ten ta tego gdy bym proszę""",
    "cs": """a v na z do se je jsou to že jak ale po pro od přes když velmi mi mě moje můj být jen už ten ta toho bych prosím
        není nebo""",
    "ro": """și în la cu de nu este sunt că pentru pe din sau dar când foarte mai ce cum mi îmi un o al ale fi doar după""",
    "tr": """ve bir bu için çok ne değil ile ama da de var yok gibi daha her mi ben sonra kadar olarak lütfen""",
    "id": """yang dan di ini itu tidak untuk dengan dari saya kami bisa ada akan pada ke tapi sangat sudah juga atau kalau""",
    "fi": """ja on ei se että en mutta kun myös vain ovat oli tämä olla niin mitä minun voi hyvin kuin jos""",
    "ca": """el la els les un una i és són no que per amb del al en es mi però quan molt més com hi ha aquest aquesta puc pot
        vull fer dels""",
    "ru": """и в на с не что это как по для но из у я мы вы он она они при когда очень мне можно нет есть был была было его
        от до бы же все только после""",
    "uk": """і в на з не що це як по для але із у я ми ви він вона вони при коли дуже мені можна немає є був була було його
        від до б же все тільки після та""",
    "be": """і ў на з не што гэта як па для але я мы вы ён яна яны пры калі вельмі мне можна няма быць яго ад да толькі пасля
        ці або""",
    "bg": """и в на с не че това как по за но от аз ние вие той тя те при когато много ми може няма е беше са да се ще си
        само след""",
    "mk": """и во на со не дека што ова како за но од јас ние тој таа тие кога многу може нема е беше да се ќе си само по или
        ги го ја""",
    "sr": """и у на са не да што ово како за али од ја ми ви он она они када кад веома може нема је био била се ће само после
        или ако су""",
    "hr": """u na sa ne da što ovo kako za ali od ja mi vi on ona oni kada kad veoma može nema je bio bila se će samo i""",
    "af": """die en is nie van vir met wat om te op dit hierdie ek jy ons hulle kan sal maar ook wees word het as nog uit aan
        by na sy hy my so dat""",
    "gl": """o a os as un unha e é son non que para con do da dos das no na en ao por se mais como este esta cando moi pero
        hai ou""",
    "ms": """yang dan di ini itu tidak untuk dengan dari daripada saya kami boleh ada akan pada ke tetapi sangat sudah juga
        atau kalau ialah""",
    "hu": """a az és nem hogy egy ez meg van ha csak már de is vagy mint nincs még minden kell lehet el ezt azt be ki""",
    "sk": """a v na z do sa je sú to že ako ale po pre od cez keď veľmi mi mňa moje môj byť len už ten tá toho by prosím nie
        alebo""",
    "sl": """in v na z je so ne da se za ki kot ko če ali pri po od do tudi samo še že ni bi lahko mi me to ta""",
    "oc": """lo la los las un una e es son que per amb del dels de en non pas se mas quand plan mai coma aqueste aquesta""",
}
# They stand here for what they have in common with others, and are never told: they have too little of their own.
_NEIGHBOURS = frozenset({"af", "be", "gl", "hr", "id", "mk", "ms", "nb", "oc", "sk", "sl", "sr"})
_BY_WORD: dict[str, tuple[str, ...]] = {}
for _name, _words in _WORDS.items():
    for _word in sorted({*_words.split()}):
        _BY_WORD[_word] = (*_BY_WORD.get(_word, ()), _name)

# Of scripts that one language of today has for itself.
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("hy", re.compile("[\u0530-\u058f]")),
    ("ka", re.compile("[\u10a0-\u10ff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_APOSTROPHE = re.compile("(?<=\\w)['\u2019](?=\\w)")


class Told(NamedTuple):
    """Small words of one language: how many different ones, and what all are worth; a word that several share less."""

    name: str
    kinds: int
    worth: float


def language(text: str) -> str:
    """A language tag, or UNKNOWN."""
    text = text[:MOST_LETTERS]
    letters = len(_LETTER.findall(text))
    for name, script in _SCRIPTS:
        if 2 * len(script.findall(text)) > letters > 2 or (name == "ja" and _japanese(text, letters)):
            return name
    if letters and len(_HAN.findall(text)) >= max(_ENOUGH, 0.6 * letters):
        return "zh"
    words = _WORD.findall(_APOSTROPHE.sub("", text.casefold()))
    found = sorted(_told(words), key=lambda told: -told.worth)
    if not found:
        return UNKNOWN
    first, second = found[0], found[1].worth if len(found) > 1 else 0.0
    ahead = 1.5 if len(words) >= LONG else 2.0
    sure = first.kinds >= 2 and first.worth >= ahead * second and first.worth >= max(1.0, 0.12 * len(words))
    return first.name if sure and first.name not in _NEIGHBOURS else UNKNOWN


def _japanese(text: str, letters: int) -> bool:
    """Kana among Han: no other language writes so."""
    kana = len(_SCRIPTS[0][1].findall(text))
    return kana >= 2 and kana + len(_HAN.findall(text)) > letters / 2


def _told(words: list[str]) -> Iterator[Told]:
    for name in _WORDS:
        own = [word for word in words if name in _BY_WORD.get(word, ())]
        if own:
            kinds = {word for word in own if len(_BY_WORD[word]) <= SHARED}
            yield Told(name, len(kinds), sum(1 / len(_BY_WORD[word]) for word in own))
