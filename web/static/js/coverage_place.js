// Who covers a place, and when: asked by a click on the map.

import { endpoints, instant, map, number, percent, t } from "./config.js";
import { facts, h } from "./dom.js";
import { fetchJson, latest } from "./fetching.js";
import { sinceWords } from "./coverage_colours.js";
import { streetName } from "./coverage_figures.js";

const { L } = window;

const LATEST = 4;

/** Opens a popup at a click: the piece's facts, where it was on one, and who comes there. */
export function placePopup(query) {
  const box = h("div", { class: "place-answer" });
  const popup = L.popup({ minWidth: 260, maxWidth: 330, maxHeight: 340 }).setContent(box);

  const ask = latest(
    (asked, _piece) => fetchJson(endpoints.patrol_place, asked),
    (answer, _asked, piece) => fill(piece, passes(answer)),
    (error, _asked, piece) => fill(piece, h("p", { class: "note" }, error.message)),
  );

  function fill(piece, rest) {
    box.replaceChildren(...[piece ? pieceFacts(piece) : null, rest].filter(Boolean));
    popup.update();
  }

  return (latlng, piece = null) => {
    fill(piece, h("p", { class: "note" }, t("map.loading")));
    popup.setLatLng(latlng).openOn(map);
    const span = query().span === "day" ? "month" : query().span;
    ask({ ...query(), span, round: "", grid: "", worker: "", lon: latlng.lng.toFixed(6), lat: latlng.lat.toFixed(6) }, piece);
  };
}

function pieceFacts(row) {
  return facts(streetName(row), [
    [t("field.verdict"), t(`verdict.${row.verdict}`)],
    [t("coverage.chance"), percent(row.probability)],
    [t("coverage.last_day"), row.last_day ? `${row.last_day} · ${sinceWords(row.days_since)}` : t("coverage.age.never")],
    [t("field.length"), `${number(row.length_m)} ${t("unit.metre")}`],
    [t("field.n_patrols"), number(row.n_patrols)],
    [t("field.grid"), row.grid],
  ]);
}

function passes({ patrols, period, within_m: within }) {
  const title = h("h3", {}, t("coverage.place.title", { n: number(within) }));
  if (!patrols.length) {
    return h("div", { class: "facts" }, title, h("p", {}, t("coverage.place.none", period ?? {})));
  }
  const people = new Map();
  for (const row of patrols) {
    const key = row.worker ?? "";
    const entry = people.get(key) ?? { name: row.name ?? row.worker, morning: 0, afternoon: 0, n: 0, last: row.day };
    if (row.is_morning !== null) entry[row.is_morning ? "morning" : "afternoon"] += 1;
    entry.n += 1;
    people.set(key, entry);
  }
  const rows = [...people.values()].sort((a, b) => b.n - a.n);
  return h(
    "div",
    { class: "facts" },
    title,
    h("p", {}, t("coverage.place.count", { n: number(patrols.length), first: period.first, last: period.last })),
    h(
      "table",
      { class: "place-table" },
      h(
        "thead",
        {},
        h("tr", {}, ["who", "morning", "afternoon", "last"].map((code) => h("th", { scope: "col" }, t(`coverage.place.${code}`)))),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            h("td", {}, row.name ?? t("coverage.place.somebody")),
            h("td", {}, number(row.morning)),
            h("td", {}, number(row.afternoon)),
            h("td", {}, row.last.slice(5)),
          ),
        ),
      ),
    ),
    h(
      "p",
      { class: "note" },
      `${t("coverage.place.latest")} ${patrols.slice(0, LATEST).map(when).join(" · ")}`,
    ),
  );
}

function when({ day, at }) {
  return at ? `${day.slice(5)} ${instant(at).slice(-5)}` : day.slice(5);
}
