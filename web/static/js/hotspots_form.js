// The question: what is looked for, of which incidents, in which days, measured how.

import { settings, t } from "./config.js";
import { field, h, select } from "./dom.js";
import { state } from "./fetching.js";
import { day } from "./hotspots_figures.js";

const methods = settings.groups.flatMap((group) => group.methods);
const NAMES = [
  "method",
  "category",
  "first",
  "last",
  "exposure",
  "cell_size_m",
  "bandwidth_m",
  "correction",
];

/** What is known of the question's method; a stranger in the address is asked as it stands. */
const kindOf = (question) =>
  methods.find((entry) => entry.method === question.method) ?? {
    what: "",
    is_measured: true,
    is_smoothed: true,
  };

const usual = {
  exposure: settings.exposures[0][0],
  cell_size_m: "50",
  bandwidth_m: "150",
  correction: "bh",
};

/** The question of the page's address; what it leaves out is the page's default. */
export function asked() {
  const given = state();
  const defaults = { method: methods[0].method, category: "", ...settings.window, ...usual };
  return Object.fromEntries(NAMES.map((name) => [name, given[name] || defaults[name]]));
}

/** What the page's address keeps of a question: nothing that is as usual. */
export function addressOf(question) {
  const kept = Object.entries(queryOf(question)).map(([name, value]) => [
    name,
    value === usual[name] ? "" : value,
  ]);
  return Object.fromEntries(kept);
}

/** Query values of a question: only those that its method heeds. */
export function queryOf(question) {
  const kind = kindOf(question);
  return {
    ...question,
    exposure: kind.is_measured ? question.exposure : "",
    correction: kind.is_measured && question.correction !== "bh" ? question.correction : "",
    bandwidth_m: kind.is_smoothed ? question.bandwidth_m : "",
  };
}

/** The form of a question; `ask(question)` is called with each change. */
export function form(question, ask) {
  const what = h("p", { class: "note what wide", id: "method-what" });
  const measured = field(
    t("hotspots.exposure"),
    select("exposure", settings.exposures, question.exposure, (value) => set("exposure", value)),
    { isWide: true },
  );
  const smoothed = field(
    t("hotspots.page.bandwidth"),
    h("input", {
      type: "number",
      name: "bandwidth_m",
      min: "10",
      max: "5000",
      step: "10",
      value: question.bandwidth_m,
      onchange: (event) => event.target.value && set("bandwidth_m", event.target.value),
    }),
  );
  const strict = h(
    "label",
    { class: "check" },
    h("input", {
      type: "checkbox",
      name: "correction",
      checked: question.correction === "by",
      onchange: (event) => set("correction", event.target.checked ? "by" : "bh"),
    }),
    h("span", {}, t("hotspots.page.stricter")),
  );
  const first = dayField("first", t("field.from"));
  const last = dayField("last", t("field.to"));
  const quick = windows().map(({ name, ...window }) =>
    h(
      "button",
      {
        type: "button",
        class: "chip-button",
        "data-window": name,
        onclick: () => {
          first.querySelector("input").value = window.first;
          last.querySelector("input").value = window.last;
          change(window);
        },
      },
      t(`hotspots.page.window.${name}`),
    ),
  );

  function dayField(name, words) {
    return field(
      words,
      h("input", {
        type: "date",
        name,
        value: question[name],
        onchange: (event) => event.target.value && set(name, event.target.value),
      }),
    );
  }

  function set(name, value) {
    change({ [name]: value });
  }

  function change(values) {
    Object.assign(question, values);
    suit();
    ask(question);
  }

  /** Show what the method needs. */
  function suit() {
    const kind = kindOf(question);
    what.textContent = kind.what;
    measured.hidden = !kind.is_measured;
    strict.hidden = !kind.is_measured;
    smoothed.hidden = !kind.is_smoothed;
    windows().forEach((window, position) => {
      const isChosen = window.first === question.first && window.last === question.last;
      quick[position].setAttribute("aria-pressed", String(isChosen));
    });
  }

  suit();
  return h(
    "form",
    { class: "filters hotspot-question", onsubmit: (event) => event.preventDefault() },
    field(t("hotspots.page.method"), methodSelect()),
    field(t("field.category"), categorySelect()),
    what,
    first,
    last,
    h(
      "div",
      {
        class: "wide chips",
        role: "group",
        "aria-label": t("hotspots.page.window"),
        title: t("hotspots.page.window.hint", { last: day(settings.window.last) }),
      },
      quick,
    ),
    h(
      "details",
      { class: "wide more-options", open: isUnusual() },
      h("summary", {}, t("hotspots.page.more")),
      h("div", { class: "filters" }, measured, cellSize(), smoothed, strict),
    ),
  );

  function methodSelect() {
    const isKnown = methods.some((entry) => entry.method === question.method);
    return h(
      "select",
      {
        name: "method",
        "aria-describedby": "method-what",
        onchange: (event) => set("method", event.target.value),
      },
      isKnown
        ? null
        : h("option", { value: question.method, selected: true, disabled: true }, question.method),
      settings.groups
        .filter((group) => group.methods.length)
        .map((group) =>
          h(
            "optgroup",
            { label: group.label },
            group.methods.map((entry) => option(entry.method, entry.label, question.method)),
          ),
        ),
    );
  }

  function categorySelect() {
    const groups = grouped(settings.categories);
    const isKnown = settings.categories.some((entry) => entry.category === question.category);
    return h(
      "select",
      { name: "category", onchange: (event) => set("category", event.target.value) },
      option("", t("hotspots.page.all_categories"), question.category),
      question.category && !isKnown
        ? option(question.category, question.category, question.category)
        : null,
      [...groups].map(([label, entries]) =>
        h(
          "optgroup",
          { label },
          entries.map((entry) => option(entry.category, entry.name, question.category)),
        ),
      ),
    );
  }

  function cellSize() {
    const sizes = [...new Set([...settings.cell_sizes_m.map(String), question.cell_size_m])];
    return field(
      t("hotspots.page.cell_size"),
      select(
        "cell_size_m",
        sizes.map((size) => [size, `${size} ${t("unit.metre")}`]),
        question.cell_size_m,
        (value) => set("cell_size_m", value),
      ),
    );
  }

  function isUnusual() {
    const given = state();
    return ["exposure", "cell_size_m", "bandwidth_m", "correction"].some((name) => given[name]);
  }
}

const option = (value, label, chosen) => h("option", { value, selected: value === chosen }, label);

function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) {
    groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  }
  return groups;
}

/** Windows that are chosen often, up to the day of the newest incident. */
function windows() {
  const newest = settings.window.last;
  const [year, month, date] = newest.split("-").map(Number);
  const iso = (...parts) => new Date(Date.UTC(...parts)).toISOString().slice(0, 10);
  return [
    { name: "month", first: iso(year, month - 1, date - 29), last: newest },
    { name: "quarter", first: iso(year, month - 1, date - 89), last: newest },
    { name: "this_month", first: iso(year, month - 1, 1), last: newest },
    { name: "last_month", first: iso(year, month - 2, 1), last: iso(year, month - 1, 0) },
    { name: "year", first: iso(year - 1, month - 1, date + 1), last: newest },
  ];
}
