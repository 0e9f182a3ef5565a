/* Slipway's feedback widget: one script, no dependencies, no cookies, nothing stored, no inline style, no HTML from text.

   <script src="https://API/widget.js" data-client-key="..." data-product="..." async></script>
   <slipway-feedback client-key="..." product="..." launcher="off"></slipway-feedback>      the same as an element

   Attributes (with `data-` on the script): api, client-key, product, targeting-key, release, types, texts (JSON), lang, theme
   (light or dark), launcher ("off": no button of its own). Script: slipway.open({type, title, text, context}), or the element's. */
(() => {
  "use strict";

  const NAME = "slipway-feedback";
  if (customElements.get(NAME)) return;

  const script = document.currentScript;
  const RATINGS = { rating: [1, 5], nps: [0, 10], csat: [1, 5], ces: [1, 7] };
  const CONTEXT = ["url", "device", "session", "release", "locale"];
  const TRIES = 5; // by itself; whoever presses the button has as many again
  const PAUSE = 300; // milliseconds without a key until what is alike is asked for
  const LEAST = 4; // letters of a title before that
  const LONGEST = 120; // seconds to wait at most, whatever a server says

  const TEXTS = {
    launch: "Feedback",
    heading: "Tell us",
    close: "Close",
    what: "What is it?",
    bug: "A bug",
    idea: "An idea",
    praise: "Praise",
    question: "A question",
    rating: "A rating",
    nps: "A recommendation",
    csat: "How satisfied you are",
    ces: "How easy it was",
    ask_rating: "How good is it?",
    ask_nps: "How likely is it that you recommend it?",
    ask_csat: "How satisfied are you?",
    ask_ces: "How easy was it?",
    title: "In one line",
    text: "More about it",
    consent: "Tell me by e-mail what becomes of it",
    email: "E-mail address",
    website: "Leave this empty",
    send: "Send",
    again: "Try now",
    sending: "Sending …",
    done: "Thank you. We have got it.",
    similar: "Others have told something like it:",
    votes: "{n} votes",
    vote: "1 vote",
    need_words: "Write a line or some text.",
    need_rating: "Choose a number.",
    need_email: "Write your e-mail address, or take the tick away.",
    mend: "Something is to be mended above.",
    offline: "You are offline. Your text is kept, and sent when you are online again.",
    unreachable: "It could not be sent. Your text is kept; the next try is in {n} s.",
    busy: "Much is coming in at the moment. Your text is kept; the next try is in {n} s.",
    failed: "It could not be sent. Your text is kept: try again later.",
  };

  const CSS = `
    :host { all: initial; --ink: #16232b; --soft: #4c5b64; --paper: #fff; --line: #76858e; --accent: #0b5563; --on: #fff;
      --bad: #a1262c; color-scheme: light; }
    @media (prefers-color-scheme: dark) { :host(:not([theme=light])) { --ink: #e6edf0; --soft: #a9b8c0; --paper: #10191e;
      --line: #7d8d96; --accent: #7fd0df; --on: #10191e; --bad: #ff9a9e; color-scheme: dark; } }
    :host([theme=dark]) { --ink: #e6edf0; --soft: #a9b8c0; --paper: #10191e; --line: #7d8d96; --accent: #7fd0df; --on: #10191e;
      --bad: #ff9a9e; color-scheme: dark; }
    .launch, dialog { --i: var(--slipway-text, var(--ink)); --s: var(--slipway-muted, var(--soft));
      --p: var(--slipway-background, var(--paper)); --l: var(--slipway-border, var(--line));
      --a: var(--slipway-accent, var(--accent)); --o: var(--slipway-on-accent, var(--on)); --b: var(--slipway-error, var(--bad));
      font: var(--slipway-font, 16px/1.5 system-ui, sans-serif); border-radius: var(--slipway-radius, 10px); }
    [hidden] { display: none !important; }
    * { box-sizing: border-box; }
    .launch { position: fixed; inset: auto var(--slipway-right, 1rem) var(--slipway-bottom, 1rem) auto;
      z-index: var(--slipway-layer, 2147483000); }
    button { font: inherit; cursor: pointer; border: 1px solid var(--a); background: var(--a); color: var(--o);
      padding: 0.5rem 1rem; border-radius: inherit; }
    dialog { border: 1px solid var(--l); background: var(--p); color: var(--i); width: min(30rem, calc(100vw - 1rem));
      max-height: calc(100dvh - 1rem); overflow: auto; padding: 1.25rem; }
    dialog::backdrop { background: rgb(0 0 0 / 0.5); }
    header { display: flex; align-items: start; justify-content: space-between; gap: 1rem; }
    h2, p, ul, fieldset { margin: 0 0 0.9rem; }
    h2 { font-size: 1.3em; line-height: 1.2; }
    fieldset { border: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.4rem; min-width: 0; }
    legend, .field > label { font-weight: 600; padding: 0; margin-bottom: 0.3rem; display: block; }
    .choice { position: relative; border: 1px solid var(--l); border-radius: 8px; padding: 0.25rem 0.7rem; cursor: pointer; }
    .choice input { position: absolute; inset: 0; opacity: 0; margin: 0; width: 100%; height: 100%; cursor: pointer; }
    .choice:has(:checked) { background: var(--a); color: var(--o); border-color: var(--a); }
    .field { margin-bottom: 0.9rem; }
    .field input, textarea { font: inherit; color: inherit; background: var(--p); border: 1px solid var(--l); border-radius: 8px;
      padding: 0.5rem 0.6rem; width: 100%; }
    textarea { min-height: 7rem; resize: vertical; }
    .check { display: flex; gap: 0.5rem; align-items: baseline; margin-bottom: 0.9rem; }
    .check input { accent-color: var(--a); }
    .error { color: var(--b); margin: 0.25rem 0 0; }
    .similar { color: var(--s); }
    .similar p { margin-bottom: 0.2rem; }
    .similar ul { padding-left: 1.2rem; overflow-wrap: anywhere; }
    .trap { position: absolute; left: -200vw; width: 1px; height: 1px; overflow: hidden; }
    .close { background: none; color: var(--i); border-color: transparent; padding: 0.1rem 0.6rem; font-size: 1.3em; line-height: 1.2;
      border-radius: 8px; }
    .send { border-radius: 8px; }
    :focus-visible, .choice:has(:focus-visible) { outline: 3px solid var(--a); outline-offset: 2px; }
    @media (prefers-reduced-motion: no-preference) { .choice, button { transition: background-color 0.15s; } }
    @media (forced-colors: active) { .choice:has(:checked) { outline: 2px solid Highlight; } }`;

  /* An element; a text among its children is a text and nothing else. */
  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
    made.append(...children.filter((child) => child !== undefined));
    return made;
  };

  const id = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  class SlipwayFeedback extends HTMLElement {
    #root = this.attachShadow({ mode: "open" });
    #texts = TEXTS;
    #parts = null; // of the form
    #extra = {}; // what `open` was given
    #submission = "";
    #token = {}; // {form, seconds}, where the server gives them
    #suggests = true;
    #asking = null; // the request for what is alike
    #timer = 0;
    #busy = false;
    #nudge = () => {};

    connectedCallback() {
      if (this.#root.adoptedStyleSheets.length) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      this.#root.adoptedStyleSheets = [sheet];
      try {
        this.#texts = { ...TEXTS, ...JSON.parse(this.getAttribute("texts") || "{}") };
      } catch {
        console.warn("slipway: `texts` is not JSON");
      }
      if (this.getAttribute("launcher") === "off") return;
      const launch = make("button", { type: "button", class: "launch", part: "launcher", "aria-haspopup": "dialog" });
      launch.lang = this.lang;
      launch.textContent = this.#say("launch");
      launch.addEventListener("click", () => this.open());
      this.#root.append(launch);
    }

    open({ type, title, text, context } = {}) {
      this.#extra = context || {};
      if (this.#parts && !this.#parts.form.isConnected && !this.#parts.dialog.open) this.#forget(this.#parts);
      if (!this.#parts) this.#build();
      const { dialog, fields, types } = this.#parts;
      const chosen = types.find((each) => each.value === type);
      if (chosen) chosen.checked = true;
      if (title !== undefined) fields.title.value = title;
      if (text !== undefined) fields.text.value = text;
      this.#shape();
      if (!dialog.open) dialog.showModal();
      (types.length > 1 && !chosen ? types.find((each) => each.checked) : this.#first()).focus();
    }

    close() {
      this.#parts?.dialog.close();
    }

    // --- the form ---

    #say(key, n) {
      return String(this.#texts[key] ?? key).replace("{n}", n);
    }

    #build() {
      const say = (key) => this.#say(key);
      const offered = (this.getAttribute("types") || "bug,idea,praise,question").split(",").map((each) => each.trim());
      const types = offered.filter((each) => TEXTS[each]).map((value) => make("input", { type: "radio", name: "type", value }));
      types[0].checked = true;
      const choice = (input, text) => make("label", { class: "choice" }, input, make("span", {}, text));
      const fields = {
        title: make("input", { id: "title", maxlength: 200, autocomplete: "off" }),
        text: make("textarea", { id: "text", maxlength: 10000 }),
        email: make("input", { id: "email", type: "email", maxlength: 254, autocomplete: "email" }),
      };
      const errors = {};
      const fault = (name) => (errors[name] = make("p", { class: "error", id: `${name}-fault`, hidden: "" }));
      const field = (name) =>
        make("div", { class: "field" }, make("label", { for: name }, say(name)), fields[name], fault(name));
      const consent = make("input", { type: "checkbox", id: "consent" });
      const website = make("input", { name: "website", tabindex: -1, autocomplete: "off" });
      const said = make("p", { role: "status" });
      const list = make("ul");
      const parts = {
        dialog: make("dialog", { part: "dialog", "aria-labelledby": "heading", lang: this.lang || undefined }),
        form: make("form", { novalidate: "" }),
        types,
        fields,
        errors,
        consent,
        website,
        title: field("title"),
        text: field("text"),
        email: field("email"),
        rating: make("fieldset", { id: "rating" }),
        similar: make("div", { class: "similar" }, said, list),
        said,
        list,
        status: make("p", { role: "status", class: "status" }),
        send: make("button", { class: "send", part: "send" }, say("send")),
      };
      const close = make("button", { type: "button", class: "close", "aria-label": say("close") }, "×");
      parts.form.append(
        types.length > 1
          ? make("fieldset", {}, make("legend", {}, say("what")), ...types.map((each) => choice(each, say(each.value))))
          : make("span", {}),
        parts.rating,
        fault("rating"),
        parts.title,
        parts.similar,
        parts.text,
        make("label", { class: "check", for: "consent" }, consent, make("span", {}, say("consent"))),
        parts.email,
        make("div", { class: "trap", "aria-hidden": "true" }, make("label", {}, say("website"), website)),
        parts.send,
      );
      parts.dialog.append(make("header", {}, make("h2", { id: "heading" }, say("heading")), close), parts.form, parts.status);
      this.#parts = parts;
      this.#submission = id();
      close.addEventListener("click", () => this.close());
      parts.dialog.addEventListener("click", (event) => event.target === parts.dialog && this.close());
      parts.form.addEventListener("change", () => this.#shape());
      parts.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#busy ? this.#nudge() : this.#submit();
      });
      fields.title.addEventListener("input", () => this.#look());
      this.#root.append(parts.dialog);
      this.#renew();
    }

    /* What is asked for depends on what it is. */
    #shape() {
      const { types, rating, title, similar, email, consent } = this.#parts;
      const type = types.find((each) => each.checked).value;
      const bounds = RATINGS[type];
      title.hidden = similar.hidden = Boolean(bounds);
      email.hidden = !consent.checked;
      rating.hidden = !bounds;
      if (!bounds || rating.dataset.of === type) return;
      rating.dataset.of = type;
      rating.replaceChildren(make("legend", {}, this.#say(`ask_${type}`)));
      for (let value = bounds[0]; value <= bounds[1]; value++) {
        const input = make("input", { type: "radio", name: "rating", value });
        rating.append(make("label", { class: "choice" }, input, make("span", {}, String(value))));
      }
    }

    #first() {
      const { rating, fields } = this.#parts;
      return rating.hidden ? fields.title : rating.querySelector("input");
    }

    #body() {
      const { types, rating, fields, consent, website } = this.#parts;
      const type = types.find((each) => each.checked).value;
      const context = {
        url: location.protocol.startsWith("http") ? location.origin + location.pathname : undefined,
        device: navigator.userAgent.slice(0, 200) || undefined,
        locale: navigator.language,
        release: this.getAttribute("release") || undefined,
      };
      for (const name of CONTEXT) if (this.#extra[name] !== undefined) context[name] = this.#extra[name];
      const chosen = rating.querySelector(":checked");
      return {
        type,
        product: this.getAttribute("product") || "",
        title: (!RATINGS[type] && fields.title.value.trim()) || undefined,
        text: fields.text.value.trim() || undefined,
        rating: RATINGS[type] && chosen ? Number(chosen.value) : undefined,
        email: consent.checked ? fields.email.value.trim() || undefined : undefined,
        consent: consent.checked || undefined,
        targeting_key: this.getAttribute("targeting-key") || undefined,
        website: website.value || undefined,
        form: this.#token.form,
        context,
        submission_id: this.#submission,
      };
    }

    /* By field; what belongs to none is said with the status. Whether there was any. */
    #show(faults) {
      const { fields, errors, rating } = this.#parts;
      let first;
      const rest = [];
      for (const name of Object.keys(errors)) {
        const told = faults.filter((each) => each.field === name).map((each) => each.detail);
        errors[name].textContent = told.join(" ");
        errors[name].hidden = !told.length;
        const input = fields[name] || rating;
        told.length ? input.setAttribute("aria-describedby", errors[name].id) : input.removeAttribute("aria-describedby");
        if (fields[name]) fields[name].setAttribute("aria-invalid", String(told.length > 0));
        if (told.length && !first) first = fields[name] || rating.querySelector("input");
      }
      for (const each of faults) if (!errors[each.field]) rest.push(each.detail);
      if (faults.length) this.#status(rest.join(" ") || this.#say("mend"));
      first?.focus();
      return faults.length > 0;
    }

    #status(text) {
      this.#parts.status.textContent = text;
    }

    #missing(body) {
      const faults = [];
      const need = (field, key) => faults.push({ field, detail: this.#say(key) });
      if (RATINGS[body.type] && body.rating === undefined) need("rating", "need_rating");
      if (!RATINGS[body.type] && !body.title && !body.text) need("title", "need_words");
      if (body.consent && !body.email) need("email", "need_email");
      return faults;
    }

    // --- the server ---

    #ask(method, path, body, signal) {
      const api = (this.getAttribute("api") || ORIGIN).replace(/\/+$/, "");
      const headers = { authorization: `Bearer ${this.getAttribute("client-key")}` };
      if (body) headers["content-type"] = "application/json";
      const options = { method, headers, body: body && JSON.stringify(body), signal, credentials: "omit", cache: "no-store" };
      return fetch(api + path, options);
    }

    async #renew() {
      try {
        const reply = await this.#ask("POST", "/v1/feedback/form", { product: this.getAttribute("product") });
        this.#token = reply.ok ? await reply.json() : {};
      } catch {
        this.#token = {}; // whether it is needed the server says
      }
    }

    #look() {
      clearTimeout(this.#timer);
      this.#asking?.abort();
      if (this.#suggests) this.#timer = setTimeout(() => this.#similar(), PAUSE);
    }

    async #similar() {
      const { fields, said, list } = this.#parts;
      const text = fields.title.value.trim();
      let items = [];
      if (text.length >= LEAST) {
        this.#asking = new AbortController();
        try {
          const query = new URLSearchParams({ product: this.getAttribute("product") || "", text });
          const reply = await this.#ask("GET", `/v1/feedback/similar?${query}`, undefined, this.#asking.signal);
          this.#suggests = reply.status !== 403 && reply.status !== 404; // the board shows none
          if (reply.ok) ({ items } = await reply.json());
        } catch {
          return; // a newer one is on its way, or nobody answers
        }
      }
      said.textContent = items.length ? this.#say("similar") : "";
      list.replaceChildren(
        ...items.map(({ title, votes }) => {
          const many = votes === 1 ? this.#say("vote") : this.#say("votes", votes);
          return make("li", {}, votes ? `${title} (${many})` : String(title));
        }),
      );
    }

    async #submit() {
      this.#busy = true;
      try {
        await this.#sent();
      } finally {
        this.#busy = false;
        if (this.#parts) this.#parts.send.textContent = this.#say("send");
      }
    }

    /* Until it is taken, refused, or nobody answers: the same submission_id makes nothing twice. */
    async #sent() {
      for (let tried = 0; tried < TRIES; tried++) {
        const body = this.#body();
        if (this.#show(this.#missing(body))) return;
        this.#status(this.#say("sending"));
        let reply;
        try {
          reply = await this.#ask("POST", "/v1/feedback", body);
        } catch {
          await this.#later(2 ** (tried + 1), navigator.onLine ? "unreachable" : "offline");
          continue;
        }
        if (reply.ok) return this.#done(await reply.json().catch(() => ({})));
        if (reply.status === 429 || reply.status >= 500) {
          const asked = Number(reply.headers.get("retry-after")) || 2 ** (tried + 1);
          await this.#later(Math.min(asked, LONGEST), "busy");
          continue;
        }
        const problem = await reply.json().catch(() => ({}));
        const faults = (problem.errors || []).map(({ pointer, code, detail }) => ({ field: pointer.split("/")[1], code, detail }));
        const form = faults.find((each) => each.field === "form");
        if (faults.some((each) => each.code === "idempotency_mismatch")) {
          this.#submission = id(); // what had gone before has arrived, and was changed since
        } else if (form) {
          if (form.code !== "too_fast") await this.#renew();
          await this.#later(this.#token.seconds || 1, "sending");
        } else {
          this.#show(faults.length ? faults : [{ detail: String(problem.detail || this.#say("failed")) }]);
          return;
        }
      }
      this.#status(this.#say("failed"));
    }

    /* Of what was sent: the next one is another form. The dialog tells that it was closed only after it was. */
    #forget(parts) {
      if (this.#parts !== parts) return;
      clearTimeout(this.#timer);
      this.#asking?.abort();
      parts.dialog.remove();
      this.#parts = null;
    }

    /* For so many seconds, or until the button is pressed, or it is online again where it was not. */
    #later(seconds, why) {
      this.#status(this.#say(why, seconds));
      if (why !== "sending") this.#parts.send.textContent = this.#say("again");
      return new Promise((resolve) => {
        this.#nudge = resolve;
        if (why === "offline") addEventListener("online", resolve, { once: true });
        else setTimeout(resolve, seconds * 1000);
      });
    }

    #done(receipt) {
      const parts = this.#parts;
      const { dialog, form, status } = parts;
      form.remove();
      this.#status(this.#say("done"));
      status.tabIndex = -1;
      if (dialog.open) status.focus();
      const forget = () => this.#forget(parts);
      dialog.open ? dialog.addEventListener("close", forget, { once: true }) : forget();
      this.dispatchEvent(new CustomEvent("slipway-sent", { detail: { id: receipt.id }, bubbles: true, composed: true }));
    }
  }

  const ORIGIN = script?.src ? new URL(script.src).origin : location.origin;
  customElements.define(NAME, SlipwayFeedback);

  const placed = () => {
    let element = document.querySelector(NAME);
    if (!element) {
      element = make(NAME);
      for (const { name, value } of script?.attributes || []) {
        if (name.startsWith("data-")) element.setAttribute(name.slice(5), value);
      }
      document.body.append(element);
    }
    return element;
  };
  window.slipway = Object.assign(window.slipway || {}, { open: (options) => placed().open(options) });
  if (script?.dataset.clientKey) {
    document.body ? placed() : addEventListener("DOMContentLoaded", placed, { once: true });
  }
})();
