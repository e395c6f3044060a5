// Figures of cells and places in words: which there are, what they are called, how they are told.

import { number, settings, t, texts } from "./config.js";
import { h } from "./dom.js";

const LEAST_SHARE = 0.001; // below this a share is told as "less than"

const locale = settings.language === "en" ? "en-GB" : "zh-CN";
const dayOfYear = { timeZone: "UTC", month: "short", day: "numeric" };
const days = new Intl.DateTimeFormat(locale, { ...dayOfYear, year: "numeric" });
const shortDays = new Intl.DateTimeFormat(locale, dayOfYear);
const written = (format) => (value) =>
  value ? format.format(new Date(`${value}T00:00:00Z`)) : "–";

/** A local day such as 2026-11-01 as people write it. */
export const day = written(days);
const shortDay = written(shortDays); // for tables, whose reading tells the year

const share = (value) => {
  if (value === null) return "–";
  const told = `${number(100 * Math.max(value, LEAST_SHARE), 1)}%`;
  return value < LEAST_SHARE ? `< ${told}` : told;
};
const times = (value) => number(value, value < 1 ? 2 : 1);
const tenths = (value) => number(value, Math.abs(value) >= 100 ? 0 : 1);
const small = (value) => number(value, Math.abs(value) >= 10 ? 1 : 2);

// In the order in which they are told; a method has some of them.
const FIGURES = [
  { name: "n_incidents", told: (value) => number(value) },
  { name: "expected", told: small },
  { name: "excess", told: (value) => `${value > 0 ? "+" : ""}${tenths(value)}` },
  { name: "relative_risk", told: times },
  { name: "q", told: share },
  { name: "p", told: share },
  { name: "z", told: tenths },
  { name: "density_per_km2", told: (value) => number(value) },
  { name: "density_per_km", told: (value) => number(value) },
  { name: "n_around", told: (value) => number(value) },
  { name: "n_hot", told: (value, row) => (row.n_periods ? `${value} / ${row.n_periods}` : value) },
  { name: "first_day", told: shortDay },
  { name: "last_day", told: shortDay },
  { name: "recurrence_days", told: (value) => number(value) },
];

const is = (value) => value !== null && value !== undefined;

/** The figures that some of the rows have. Where rarity is told in days, the figures that it makes
 * needless are left out, so that it is in sight. */
export function figuresOf(rows) {
  const has = (name) => rows.some((row) => is(row[name]));
  const needless = has("recurrence_days") ? ["p", "excess"] : [];
  return FIGURES.filter(({ name }) => has(name) && !needless.includes(name));
}

/** What a figure is called, which may hang on the unit of what is coloured. */
export const label = (name, unit) =>
  texts[`hotspots.page.figure.${name}.${unit}`] ?? t(`hotspots.page.figure.${name}`);

/** What a figure means, where that needs saying. */
export const meaning = (name, unit) =>
  texts[`hotspots.page.figure.${name}.${unit}`]
    ? null
    : (texts[`hotspots.page.figure.${name}.what`] ?? null);

/** Label and value pairs of a row, as in popups. */
export function pairs(row, unit) {
  return figuresOf([row]).map((figure) => [label(figure.name, unit), told(figure, row, " ")]);
}

/** A table cell's content: the figure, its interval under it. */
export function shown(figure, row) {
  const text = told(figure, row, null);
  const between = interval(figure, row);
  return between ? h("span", {}, text, h("small", {}, between)) : String(text);
}

function told({ name, told: tell }, row, gap) {
  if (!is(row[name])) return "–";
  const between = gap === null ? null : interval({ name }, row);
  return between ? `${tell(row[name], row)}${gap}(${between})` : String(tell(row[name], row));
}

function interval({ name }, row) {
  if (name !== "relative_risk" || !is(row.risk_low) || !is(row.risk_high)) return null;
  return `${times(row.risk_low)}–${times(row.risk_high)}`;
}
