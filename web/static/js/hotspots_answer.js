// The answer in words and figures: headline, remarks, and the places found, linked with the map.

import { number, t } from "./config.js";
import { h, table } from "./dom.js";
import { paint } from "./hotspots_colours.js";
import { day, figuresOf, label, meaning, shown } from "./hotspots_figures.js";

const MOST_ROWS = 100;

/** What the answer says, before the places. */
export function summary(report) {
  const nowhere = (report.n_outside ?? 0) + (report.n_unplaced ?? 0);
  const remarks = [...report.notes];
  if (nowhere) remarks.push(t("hotspots.page.nowhere", { n: number(nowhere) }));
  return h(
    "section",
    { class: "hotspot-summary" },
    h("h2", { role: "status" }, report.headline),
    h(
      "p",
      { class: "note asked" },
      t("hotspots.page.asked", {
        first: day(report.first),
        last: day(report.last),
        n: number(report.n_incidents),
      }),
      " ",
      h("span", { class: "seconds" }, t("hotspots.page.seconds", { n: number(report.seconds, 2) })),
    ),
    remarks.length
      ? h(
          "ul",
          { class: "remarks", "aria-label": t("hotspots.page.remarks") },
          remarks.map((remark) => h("li", {}, remark)),
        )
      : null,
  );
}

/** A class by its colour and its name. */
export function classMark(answer, level, words) {
  const [colour] = paint(answer, level);
  return h(
    "span",
    { class: "class-mark" },
    h("span", { class: "swatch", style: { background: colour }, "aria-hidden": "true" }),
    words,
  );
}

/** The places found as a table, and the reading of the chosen one; null where there are none.
 *
 * `onpick(feature)` is called with the row's place; `choose(feature, { isSeen })` marks a row, and
 * brings it into sight.
 */
export function places(answer, { onpick }) {
  const features = answer.areas.features.slice(0, MOST_ROWS);
  if (!features.length) return null;
  const all = answer.areas.features.length;
  const reading = h("p", { class: "reading", role: "status", hidden: true });
  let chosen = null;
  const listed = table(columns(answer, features), features, {
    sortBy: 0,
    descending: false,
    onpick,
    caption:
      all > features.length
        ? t("hotspots.page.table_cut", { n: number(features.length), all: number(all) })
        : t("hotspots.page.table"),
  });
  const box = h("section", { class: "hotspot-places" }, listed, reading);
  listed.addEventListener("click", () => mark());
  listed.addEventListener("keydown", step);

  function rowOf(feature) {
    if (!feature) return null;
    const mark = listed.querySelector(`[data-rank="${feature.properties.rank}"]`);
    return mark?.closest("tr") ?? null;
  }

  /** Mark the chosen row; sorting makes the rows anew. */
  function mark() {
    for (const row of listed.querySelectorAll("tr.chosen")) {
      row.classList.remove("chosen");
      row.removeAttribute("aria-current");
    }
    const row = rowOf(chosen);
    row?.classList.add("chosen");
    row?.setAttribute("aria-current", "true");
    return row;
  }

  return {
    box,
    choose(feature, { isSeen = false } = {}) {
      chosen = feature;
      const row = mark();
      if (isSeen) row?.scrollIntoView({ block: "nearest" });
      reading.hidden = !feature;
      reading.textContent = feature?.properties.reading ?? "";
    },
  };
}

/** Arrows move from row to row; the space bar picks like Enter. */
function step(event) {
  const row = event.target.closest("tbody tr");
  if (!row) return;
  const { nextElementSibling: after, previousElementSibling: before } = row;
  const next = { ArrowDown: after, ArrowUp: before }[event.key];
  if (next) next.focus();
  if (event.key === " ") row.click();
  if (next || event.key === " ") event.preventDefault();
}

/** The columns that the places have. */
function columns(answer, features) {
  const rows = features.map((feature) => feature.properties);
  const unit = answer.scale?.unit;
  const isMixed = new Set(rows.map((row) => row.verdict)).size > 1;
  const words = (row) => answer.verdicts[row.level]?.label ?? row.verdict;
  const place = (row) =>
    isMixed && !answer.scale
      ? h("span", {}, row.place, h("small", {}, classMark(answer, row.level, words(row))))
      : row.place;
  return [
    {
      label: h("abbr", { title: t("hotspots.page.rank") }, "#"),
      value: ({ properties }) => properties.rank,
      show: ({ properties: { rank } }) => h("span", { "data-rank": rank }, number(rank)),
      numeric: false,
    },
    {
      label: t("hotspots.page.place"),
      value: ({ properties }) => (isMixed ? `${properties.verdict} ` : "") + properties.place,
      show: ({ properties }) => place(properties),
    },
    ...figuresOf(rows).map((figure) => ({
      label: h("span", { title: meaning(figure.name, unit) }, label(figure.name, unit)),
      value: ({ properties }) => properties[figure.name],
      show: ({ properties }) => shown(figure, properties),
      numeric: true,
    })),
  ];
}
