// How street pieces are drawn: by verdict, or by the days since anybody was there.
// Told apart by width and dashes too, not by colour alone.

import { t } from "./config.js";

export const VERDICTS = ["covered", "cannot_tell", "missed"];

export const VERDICT_STYLES = {
  covered: { color: "#2a6f97", weight: 4 },
  cannot_tell: { color: "#7d7a74", weight: 3, dashArray: "3 6" },
  missed: { color: "#c8401a", weight: 6 },
};

const AGES = [
  { most: 0, color: "#8fb8d0", weight: 3 },
  { most: 1, color: "#5f95bd", weight: 3 },
  { most: 3, color: "#e0b45c", weight: 4 },
  { most: 7, color: "#d9822b", weight: 5 },
  { most: 14, color: "#b8431c", weight: 6 },
  { most: Infinity, color: "#6d1317", weight: 7 },
];
const NEVER = { color: "#26231f", weight: 6, dashArray: "2 7" };
const NOT_ASKED = { opacity: 0.28, weight: 2 };

/** The Leaflet style of a piece. */
export function styleOf(properties, look) {
  const style = look === "recency" ? ageOf(properties.days_since) : VERDICT_STYLES[properties.verdict];
  const faded = properties.is_expected === false ? NOT_ASKED : {};
  return { opacity: 0.9, dashArray: null, lineCap: "round", ...style, ...faded };
}

function ageOf(days) {
  if (days === null || days === undefined) return NEVER;
  return AGES.find(({ most }) => days <= most);
}

/** The rows of the legend. */
export function legendRows(look) {
  const rows =
    look === "recency"
      ? [...AGES.map((style, at) => ({ ...style, label: ageWords(at) })), { ...NEVER, label: t("coverage.age.never") }]
      : VERDICTS.map((verdict) => ({ ...VERDICT_STYLES[verdict], label: t(`verdict.${verdict}`) }));
  return rows.map(({ color, weight, dashArray, label }) => ({
    colour: dashArray
      ? `repeating-linear-gradient(90deg, ${color} 0 4px, transparent 4px 8px)`
      : color,
    label,
    line: true,
    weight,
  }));
}

function ageWords(at) {
  const { most } = AGES[at];
  if (most === 0) return t("coverage.age.same");
  if (most === Infinity) return t("coverage.age.more", { n: AGES[at - 1].most });
  const least = AGES[at - 1].most + 1;
  return least === most ? t("coverage.age.one", { n: most }) : t("coverage.age.some", { least, most });
}

/** Days since, in words. */
export function sinceWords(days) {
  if (days === null || days === undefined) return t("coverage.age.never");
  return days === 0 ? t("coverage.age.same") : t("coverage.age.days", { n: days });
}
