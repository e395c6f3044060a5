// What the server handed to this page: texts, settings and addresses.

const config = JSON.parse(document.getElementById("map-config").textContent);

export const { kind, endpoints, settings, texts } = config;
export const map = window[config.map];

const locale = settings.language === "en" ? "en-GB" : "zh-CN";
const zone = settings.timezone || "Asia/Shanghai";

/** The text of a code, with {name} filled in. A code without text shows itself, so that it is seen. */
export function t(code, values = {}) {
  const text = texts[code] ?? code;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const numbers = [0, 1, 2].map(
  (digits) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: 0, maximumFractionDigits: digits }),
);

/** A number in the page's language, or a dash where there is none. */
export function number(value, digits = 0) {
  return value === null || value === undefined ? "–" : numbers[digits].format(value);
}

/** A share as a percentage; a dash where there is none, never 0% for "unknown". */
export function percent(value, { signed = false } = {}) {
  if (value === null || value === undefined) return "–";
  const shown = (value * 100).toFixed(1);
  const sign = signed && value > 0 ? "+" : "";
  return `${sign}${shown}%`;
}

const instants = new Intl.DateTimeFormat(locale, {
  timeZone: zone,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});

/** An instant in the town's local time. */
export function instant(value) {
  return value ? instants.format(new Date(value)) : "–";
}

/** The community's and the grid's own number of a 15-digit code; other codes as they are. */
export const shortCode = (code) =>
  /^\d{15}$/.test(code) ? `${Number(code.slice(9, 12))}-${Number(code.slice(12))}` : code;
