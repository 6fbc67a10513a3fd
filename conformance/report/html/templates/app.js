"use strict";
// Filters, lazy details, deep links and keys. Works on entries that the page marks with data-entry; nothing is ever fetched.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector, within = document) => within.querySelector(selector);

  // -- theme ---------------------------------------------------------------------------------------------------------
  const themes = ["auto", "light", "dark"];
  const remembered = (value) => {
    // Storage is refused to some files opened from disk; the theme then lasts as long as the page.
    try {
      if (value !== undefined) localStorage.setItem("autograd-conformance-theme", value);
      return localStorage.getItem("autograd-conformance-theme");
    } catch { return null; }
  };
  const setTheme = (name) => {
    if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name;
    for (const label of all("[data-theme-name]")) label.textContent = name;
  };
  setTheme(themes.includes(remembered()) ? remembered() : "auto");

  // -- the cells of a matrix, written down in a few letters each: "c22 d3+ n" -----------------------------------------
  const cellWords = one("[data-cell-words]");
  if (cellWords) {
    const [letters, glyphs, labels] = JSON.parse(cellWords.textContent);
    const verdictOf = Object.fromEntries(Object.entries(letters).map(([verdict, letter]) => [letter, verdict]));
    const heads = all(".compat-head .cell").map((head) => head.textContent);
    for (const row of all("[data-cells]")) {
      row.append(...row.dataset.cells.split(" ").map((cell, index) => {
        const verdict = verdictOf[cell[0]], programs = parseInt(cell.slice(1), 10);
        const span = document.createElement("span");
        span.className = `cell ${verdict}`;
        span.title = `${heads[index]}: ${labels[verdict]}${programs ? `, ${programs.toLocaleString("en")} programs` : ""}`;
        span.textContent = glyphs[verdict];
        if (cell.endsWith("+")) {
          const delta = document.createElement("b");
          delta.className = "delta";
          delta.textContent = "Δ";
          span.append(delta);
        }
        return span;
      }));
    }
  }

  // -- details are text until they are opened ------------------------------------------------------------------------
  const fill = (entry) => {
    const key = entry.dataset.detail;
    if (key === undefined || entry.dataset.filled) return;
    const source = one(`script[data-for="${CSS.escape(key)}"]`);
    if (!source) return;
    // The markup was escaped when the page was made; this only builds it.
    one(".body", entry).innerHTML = JSON.parse(source.textContent);
    entry.dataset.filled = "yes";
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details[data-detail]") && event.target.open) fill(event.target);
  }, true);

  // -- filters -------------------------------------------------------------------------------------------------------
  const entries = all("[data-entry]").map((element) => ({
    element,
    text: (element.dataset.text !== undefined ? `${element.id} ${element.dataset.text}` : (element.matches("details") ? one("summary", element) : element).textContent).toLowerCase(),
    area: element.dataset.area ?? null,
    ops: (element.dataset.op ?? "").split(" "),
    verdicts: (element.dataset.verdict ?? "").split(" "),
    flags: (element.dataset.flags ?? "").split(" "),
    group: element.closest("[data-group]"),
    section: element.closest("[data-section]"),
    visible: true,
  }));
  const sections = all("[data-section]");
  const groups = all("[data-group]").map((element) => ({ element, before: element.open }));
  const controls = all("[data-filter]");
  const shown = one("[data-shown]");

  const wanted = () => {
    const state = { words: [], area: "", op: "", verdicts: [], flags: [] };
    for (const control of controls) {
      const kind = control.dataset.filter;
      if (kind === "text") state.words = control.value.toLowerCase().split(/\s+/).filter(Boolean);
      else if (kind === "verdict") { if (control.checked) state.verdicts.push(control.value); }
      else if (kind === "flag") { if (control.checked) state.flags.push(control.value); }
      else state[kind] = control.value;
    }
    state.active = Boolean(state.words.length || state.area || state.op || state.verdicts.length || state.flags.length);
    return state;
  };

  const matches = (entry, state) =>
    // An op has no area and a clause no op: such an entry is of no use to someone who asks for one.
    (!state.area || entry.area === state.area) &&
    (!state.op || entry.ops.includes(state.op)) &&
    (!state.verdicts.length || state.verdicts.some((verdict) => entry.verdicts.includes(verdict))) &&
    state.flags.every((flag) => entry.flags.includes(flag)) &&
    state.words.every((word) => entry.text.includes(word));

  let wasActive = false;
  const apply = () => {
    const state = wanted();
    const inGroup = new Map(), inSection = new Map();
    let count = 0;
    for (const entry of entries) {
      entry.visible = matches(entry, state);
      if (entry.element.hidden === entry.visible) entry.element.hidden = !entry.visible;
      if (!entry.visible) continue;
      count += 1;
      inGroup.set(entry.group, (inGroup.get(entry.group) ?? 0) + 1);
      inSection.set(entry.section, (inSection.get(entry.section) ?? 0) + 1);
    }
    if (state.active && !wasActive) for (const group of groups) group.before = group.element.open;
    for (const group of groups) {
      const some = inGroup.has(group.element);
      group.element.hidden = state.active && !some;
      group.element.open = state.active ? some : (wasActive ? group.before : group.element.open);
    }
    for (const section of sections) {
      const none = one("[data-none]", section);
      if (none) none.hidden = !state.active || inSection.has(section);
      section.classList.toggle("empty", state.active && !inSection.has(section));
    }
    if (shown) {
      shown.textContent = state.active ? `${count.toLocaleString("en")} of ${entries.length.toLocaleString("en")} entries` : "";
    }
    wasActive = state.active;
  };
  let waiting = 0;
  const applySoon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(apply);
  };
  document.addEventListener("input", (event) => { if (event.target.matches("[data-filter]")) applySoon(); });
  for (const form of all("[data-filters]")) form.addEventListener("submit", (event) => event.preventDefault());
  const clear = () => {
    for (const control of controls) {
      if (control.type === "checkbox") control.checked = false; else control.value = "";
    }
    apply();
  };

  // -- deep links ----------------------------------------------------------------------------------------------------
  const reveal = (element) => {
    const entry = entries.find((known) => known.element === element);
    if (entry && !entry.visible) clear();
    for (let outer = element; outer; outer = outer.parentElement) if (outer.matches("details")) outer.open = true;
    if (element.matches("details[data-detail]")) fill(element);
    element.scrollIntoView({ block: "start" });
    select(element, false);
  };
  const follow = () => {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = id && document.getElementById(id);
    if (target) reveal(target);
  };
  window.addEventListener("hashchange", follow);
  // A click on the link to where one already is changes no hash.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) follow();
  });

  // -- copying -------------------------------------------------------------------------------------------------------
  const toast = one("[data-toast]");
  let fading = 0;
  const say = (text) => {
    toast.textContent = text;
    toast.classList.add("on");
    clearTimeout(fading);
    fading = setTimeout(() => toast.classList.remove("on"), 1600);
  };
  const copyOldWay = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.className = "sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copy = async (button) => {
    const text = one("code", button.closest(".code")).textContent;
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch { done = copyOldWay(text); }
    say(done ? "Copied" : "Your browser refused; select the text and copy it");
  };

  // -- buttons and keys ----------------------------------------------------------------------------------------------
  const keys = document.getElementById("keys");
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (!button) return;
    if (button.dataset.do === "copy") copy(button);
    if (button.dataset.do === "help") keys.showModal();
    if (button.dataset.do === "theme") {
      const next = themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % themes.length];
      setTheme(next);
      remembered(next);
    }
  });

  let current = null;
  const select = (element, scroll = true) => {
    current?.classList.remove("current");
    current = element;
    element.classList.add("current");
    (element.matches("details") ? one("summary", element) : element).focus({ preventScroll: true });
    if (scroll) element.scrollIntoView({ block: "nearest" });
  };
  const isShown = (entry) => entry.visible && (!entry.group || entry.group.open);
  const move = (step) => {
    const visible = entries.filter(isShown);
    if (!visible.length) return;
    const at = visible.findIndex((entry) => entry.element === current);
    select(visible[at < 0 ? (step > 0 ? 0 : visible.length - 1) : Math.min(Math.max(at + step, 0), visible.length - 1)].element);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    const typing = event.target.matches?.("input:not([type=checkbox]), select, textarea");
    if (event.key === "Escape") {
      clear();
      if (typing) event.target.blur();
      return;
    }
    if (typing) return;
    const actions = {
      "/": () => one('[data-filter="text"]')?.focus(),
      "?": () => keys.showModal(),
      j: () => move(1),
      k: () => move(-1),
      c: () => {
        const open = current?.matches("details[open]") ? current : one("details.finding[open], details.change[open]");
        const button = open && one('[data-do="copy"]', open);
        if (button) copy(button);
      },
      e: () => groups.forEach(({ element }) => { element.open = true; }),
      w: () => groups.forEach(({ element }) => { element.open = false; }),
    };
    if (Object.hasOwn(actions, event.key)) {
      event.preventDefault();
      actions[event.key]();
    }
  });

  // On paper there is nothing to open: groups unfold, and the findings that are open stay so.
  window.addEventListener("beforeprint", () => groups.forEach(({ element }) => { element.dataset.was = element.open; element.open = true; }));
  window.addEventListener("afterprint", () => groups.forEach(({ element }) => { element.open = element.dataset.was === "true"; }));

  // A reload keeps what was typed in the form, so the page must agree with it.
  if (wanted().active) apply();
  follow();
})();
