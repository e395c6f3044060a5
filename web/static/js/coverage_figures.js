// The figures of a period: three-way bars, days, grids, streets missed.

import { number, percent, shortCode, t } from "./config.js";
import { gridCode, h, table } from "./dom.js";
import { VERDICT_STYLES, VERDICTS } from "./coverage_colours.js";

/** A bar of three shares, told in words to those who don't see it. */
export function bar(shares, { label = null } = {}) {
  const words = VERDICTS.map((name) => `${t(`verdict.${name}`)} ${percent(shares[name])}`).join(" · ");
  return h(
    "div",
    { class: "three-way", role: "img", "aria-label": label ? `${label}: ${words}` : words, title: words },
    VERDICTS.map((name) =>
      h("span", {
        class: `part ${name}`,
        style: { width: `${100 * (shares[name] ?? 0)}%`, backgroundColor: VERDICT_STYLES[name].color },
      }),
    ),
  );
}

/** The shares in words, each with its sign. */
export function shareWords(shares) {
  return h(
    "ul",
    { class: "share-words" },
    VERDICTS.map((name) =>
      h(
        "li",
        {},
        h("span", { class: `mark ${name}`, style: { backgroundColor: VERDICT_STYLES[name].color }, "aria-hidden": "true" }),
        `${t(`verdict.${name}`)} `,
        h("b", {}, percent(shares[name])),
        h("small", {}, ` ${number(shares[`${name}_m`] / 1000, 1)} km`),
      ),
    ),
  );
}

/** A bar a day, the newest last. */
export function dayBars(days, onpick) {
  return h(
    "ol",
    { class: "day-bars" },
    days.map((day) =>
      h(
        "li",
        {},
        h(
          "button",
          { type: "button", onclick: () => onpick(day.day), title: t("coverage.to_day") },
          day.day.slice(5),
        ),
        bar(day, { label: day.day }),
        h("span", { class: "numeric" }, percent(day.covered)),
      ),
    ),
  );
}

/** The table of grids; `minutes` by grid where known; a pick is told to `onpick`. */
export function gridTable(rows, minutes, onpick) {
  const time = ({ grid }) => minutes.get(grid) ?? {};
  return table(
    [
      { label: t("field.grid"), value: (row) => row.grid, show: (row) => gridCode(row.grid) },
      { label: t("verdict.covered"), value: (row) => row.covered, show: (row) => percent(row.covered), numeric: true },
      { label: t("verdict.missed"), value: (row) => row.missed_m, show: (row) => metres(row.missed_m), numeric: true },
      {
        label: t("verdict.cannot_tell"),
        value: (row) => row.cannot_tell_m,
        show: (row) => metres(row.cannot_tell_m),
        numeric: true,
      },
      {
        label: t("coverage.homes"),
        value: (row) => ratio(row.households_passed, row.households),
        show: (row) => percent(ratio(row.households_passed, row.households)),
        numeric: true,
      },
      {
        label: t("coverage.minutes"),
        value: (row) => ratio(time(row).minutes, time(row).walk_minutes),
        show: (row) => `${number(time(row).minutes)} / ${number(time(row).walk_minutes)}`,
        numeric: true,
      },
    ],
    rows,
    { sortBy: 1, descending: false, caption: t("coverage.table"), onpick },
  );
}

/** The table of missed streets; a pick is told to `onpick`. */
export function missedTable(rows, onpick) {
  return table(
    [
      { label: t("field.street"), value: streetName, show: streetName },
      {
        label: t("field.missed_m"),
        value: (row) => row.missed_m,
        show: (row) => number(row.missed_m),
        numeric: true,
      },
    ],
    rows,
    { sortBy: 1, caption: t("coverage.missed"), onpick },
  );
}

/** The table of buildings that no round passed; a pick is told to `onpick`. */
export function homesTable(rows, onpick) {
  const name = ({ address, name: called, building }) => address || called || building;
  return table(
    [
      { label: t("coverage.building"), value: name, show: name },
      { label: t("field.grid"), value: (row) => row.grid ?? "", show: (row) => gridCode(row.grid ?? "–") },
      {
        label: t("field.households"),
        value: (row) => row.households,
        show: (row) => number(row.households),
        numeric: true,
      },
    ],
    rows,
    { sortBy: 2, caption: t("coverage.missed_homes"), onpick },
  );
}

/** A street's name; what it is and where, when it has none. */
export function streetName({ name, class: kind, grid }) {
  if (name) return name;
  const known = t(`coverage.street.${kind}`);
  const what = known.startsWith("coverage.") ? t("coverage.unnamed") : known;
  return grid ? `${what} · ${shortCode(grid)}` : what;
}

const metres = (value) => `${number(value)}`;
const ratio = (part, whole) => (whole > 0 ? part / whole : null);
