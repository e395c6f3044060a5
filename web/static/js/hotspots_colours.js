// What is drawn in which colour, and the legend that says so.

import { number, t, texts } from "./config.js";
import { legend } from "./furniture.js";

// Classes differ in lightness as well as in hue, so that they stay apart for colour-blind eyes and
// in grey print (CIE L* from 17 to 85).
const CLASSES = {
  hot: "#b2182b",
  intensifying: "#4a0a4f",
  new: "#e07b00",
  persistent: "#b3123c",
  sporadic: "#f2d13c",
  oscillating: "#2f7fb8",
  diminishing: "#9ecae1",
  few_reports: "#5e3c99",
  repeat: "#c51b7d",
};
const OTHER_CLASS = "#7a4a12";
const CLASS_OPACITY = 0.68;

// From pale to dark; paler ones let more of the map through.
const RAMP = [
  ["#ffe08a", 0.42],
  ["#fdb04e", 0.54],
  ["#f0762f", 0.64],
  ["#cf3325", 0.72],
  ["#7d0d2b", 0.8],
];

export const NOTHING = -1;
const QUIET = ["#3f464d", 0.14];
export const OUTLINE = "#2a1620";

/** Colour and opacity of a level of an answer: of its scale, else of its classes. */
export function paint(answer, level) {
  if (level === NOTHING) return QUIET;
  if (answer.scale) return ramp(level, answer.scale.limits.length - 1);
  return [CLASSES[answer.verdicts[level]?.verdict] ?? OTHER_CLASS, CLASS_OPACITY];
}

/** Colour and opacity of class `level` of `n`. */
export function ramp(level, n) {
  const share = n > 1 ? level / (n - 1) : 1;
  return RAMP[Math.round(Math.min(share, 1) * (RAMP.length - 1))];
}

/** Red, green, blue and alpha, 0 to 255, for a canvas. */
export function rgba([colour, opacity]) {
  const whole = Number.parseInt(colour.slice(1), 16);
  return [whole >> 16, (whole >> 8) & 255, whole & 255, Math.round(opacity * 255)];
}

/** Words of a level: its class, or the range of its values. */
export function levelWords(answer, level) {
  if (answer.scale) return level === NOTHING ? null : range(answer.scale.limits, level);
  if (level === NOTHING) return t("hotspots.verdict.not_significant");
  return answer.verdicts[level]?.label ?? null;
}

/** The legend of an answer: only what is drawn, with what is not significant. */
export function answerLegend(answer, { isLine = false } = {}) {
  if (answer.scale) return scaleLegend(answer.scale, { isLine });
  const drawn = new Set([
    ...(answer.cells?.level ?? []),
    ...answer.areas.features.map((feature) => feature.properties.level),
  ]);
  if (!drawn.size) return null;
  const rows = answer.verdicts
    .map((entry, level) => ({ level, label: entry.label }))
    .filter(({ level }) => drawn.has(level))
    .map(({ level, label }) => ({ colour: css(paint(answer, level)), label }));
  if (drawn.has(NOTHING)) {
    rows.push({ colour: css(QUIET), label: t("hotspots.page.legend.quiet") });
  }
  return legend(t("hotspots.page.legend.class"), rows);
}

/** The legend of a scale's classes, the highest first. */
export function scaleLegend(scale, { isLine = false, note = null } = {}) {
  const n = scale.limits.length - 1;
  if (n < 1) return null;
  const title = texts[`hotspots.page.legend.${scale.unit}`] ?? t("hotspots.page.legend.value");
  const unit = texts[`hotspots.page.unit.${scale.unit}`] ?? "";
  const rows = Array.from({ length: n }, (_, level) => ({
    colour: isLine ? ramp(level, n)[0] : css(ramp(level, n)),
    label: range(scale.limits, level),
    line: isLine,
  })).reverse();
  return legend(unit ? t("hotspots.page.legend.unit", { title, unit }) : title, rows, note);
}

function range(limits, level) {
  const digits = limits.at(-1) < 10 ? 2 : limits.at(-1) < 100 ? 1 : 0;
  return `${number(limits[level], digits)} – ${number(limits[level + 1], digits)}`;
}

function css(entry) {
  const [red, green, blue] = rgba(entry);
  return `rgb(${red} ${green} ${blue} / ${entry[1]})`;
}
