"""What people write who want a page to run something: a hundred texts, each of another kind. All of it is to be shown as text.

Each that runs calls `pwned(<number>)`, so that a browser tells which one did.
"""

from __future__ import annotations

_TEXTS = r"""
<script>pwned(#)</script>
<SCRIPT>pwned(#)</SCRIPT>
<script src=data:text/javascript,pwned(#)></script>
<script type=module>pwned(#)</script>
<script/x>pwned(#)</script>
<script
>pwned(#)</script
>
<scr<script>ipt>pwned(#)</scr</script>ipt>
"><script>pwned(#)</script>
'><script>pwned(#)</script>
</title><script>pwned(#)</script>
</h3><script>pwned(#)</script>
</textarea><script>pwned(#)</script>
</style><script>pwned(#)</script>
--><script>pwned(#)</script>
<!--><script>pwned(#)</script>
]]><script>pwned(#)</script>
<![CDATA[<script>pwned(#)</script>]]>
</content><script xmlns="http://www.w3.org/1999/xhtml">pwned(#)</script>
</title></entry></feed><script xmlns="http://www.w3.org/1999/xhtml">pwned(#)</script>
<?xml-stylesheet type="text/xsl" href="data:text/xsl,pwned(#)"?>
<!DOCTYPE x [<!ENTITY y "pwned(#)">]>&y;
<!ENTITY z SYSTEM "file:///etc/passwd">&z;
<img src=x onerror=pwned(#)>
<img src=x onerror="pwned(#)"
<IMG SRC=x ONERROR=pwned(#)>
<img/src=x/onerror=pwned(#)>
<img src="x`"onerror=pwned(#)>
<img src=x onerror=&#112;wned(#)>
<img src=x:x onerror=eval(atob('cHduZWQoMSk='))>
<img srcset=x onerror=pwned(#)>
<image src=x onerror=pwned(#)>
" onmouseover="pwned(#)
' onmouseover='pwned(#)
" autofocus onfocus="pwned(#)" x="
' autofocus onfocus='pwned(#)' x='
` onmouseover=`pwned(#)
" style="animation-name:x" onanimationstart="pwned(#)
" href="javascript:pwned(#)
" id="content" class="skip" data-x="#
" aria-hidden="true" tabindex="0" onfocus="pwned(#)
<svg onload=pwned(#)>
<svg/onload=pwned(#)>
<svg><script>pwned(#)</script></svg>
<svg><script href=data:,pwned(#) />
<svg><animate onbegin=pwned(#) attributeName=x dur=1s>
<svg><a xlink:href="javascript:pwned(#)"><text y=20>#</text></a></svg>
<svg><foreignObject><iframe srcdoc="<script>parent.pwned(#)</script>"></iframe></foreignObject></svg>
<svg><use href="data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg' onload='pwned(#)'/>#x">
<svg><style><img src=x onerror=pwned(#)></style></svg>
<math><mtext></p><script>pwned(#)</script>
<math><a xlink:href=javascript:pwned(#)>#</a></math>
<math><mi//xlink:href="data:x,<script>pwned(#)</script>">
<iframe src=javascript:pwned(#)>
<iframe srcdoc="<script>parent.pwned(#)</script>"></iframe>
<iframe onload=pwned(#)></iframe>
<object data=javascript:pwned(#)></object>
<object data="data:text/html,<script>parent.pwned(#)</script>"></object>
<embed src=javascript:pwned(#)>
<a href=javascript:pwned(#)>#</a>
<a href="java	script:pwned(#)">#</a>
<a href="&#106;avascript:pwned(#)">#</a>
<a href="data:text/html,<script>pwned(#)</script>">#</a>
<a href=# onclick=pwned(#)>#</a>
<form action=javascript:pwned(#)><button autofocus>#</button></form>
<button formaction=javascript:pwned(#) autofocus>#</button>
<isindex action=javascript:pwned(#) type=submit>
<input autofocus onfocus=pwned(#)>
<select autofocus onfocus=pwned(#)>
<textarea autofocus onfocus=pwned(#)>
<keygen autofocus onfocus=pwned(#)>
<video src=x onerror=pwned(#)></video>
<video><source onerror=pwned(#)></video>
<audio src=x onerror=pwned(#)></audio>
<details open ontoggle=pwned(#)>#</details>
<dialog open onclose=pwned(#)><form method=dialog><button autofocus>#</button></form></dialog>
<marquee onstart=pwned(#)>#</marquee>
<body onload=pwned(#)>
<body onpageshow=pwned(#)>
<frameset onload=pwned(#)>
<html onmouseover=pwned(#)>
<meta http-equiv=refresh content="0;url=javascript:pwned(#)">
<meta charset=utf-7>+ADw-script+AD4-pwned(#)+ADw-/script+AD4-
<base href="javascript:pwned(#)//">
<link rel=stylesheet href="data:text/css,*{background:url(javascript:pwned(#))}">
<link rel=import href="data:text/html,<script>pwned(#)</script>">
<style>@import 'javascript:pwned(#)';</style>
<style onload=pwned(#)></style>
<div style="width:expression(pwned(#))">#</div>
<div style="background:url(javascript:pwned(#))">#</div>
<x onclick=pwned(#) tabindex=1 autofocus onfocus=pwned(#)>#</x>
<slipway-feedback launcher=on texts='{"launch":"<script>pwned(#)</script>"}'></slipway-feedback>
<template><script>pwned(#)</script></template>
<noscript><p title="</noscript><script>pwned(#)</script>">
<xmp><script>pwned(#)</script></xmp>
<plaintext><script>pwned(#)</script>
<xss style="x" onpointerenter=pwned(#) popover>#</xss>
&lt;script&gt;pwned(#)&lt;/script&gt;
&#60;script&#62;pwned(#)&#60;/script&#62;
\u003cscript\u003epwned(#)\u003c/script\u003e
%3Cscript%3Epwned(#)%3C/script%3E
javascript:/*--></title></style></textarea></script><svg/onload='+/"/+/onmouseover=1/+/[*/[]/+pwned(#)//'>
{{constructor.constructor('pwned(#)')()}} ${pwned(#)} <%= pwned(#) %>
＜script＞pwned(#)＜/script＞ <ſcript>pwned(#)</ſcript>
"""

_JOINED = _TEXTS.strip("\n").replace("<script\n>", "<script >").replace("</script\n>", "</script >")
PAYLOADS = tuple(text.replace("#", str(number)) for number, text in enumerate(_JOINED.split("\n")))
