// What is asked: day, week or month; which one; round, grid, worker; verdicts or recency.

import { settings, shortCode, t } from "./config.js";
import { field, h, select } from "./dom.js";

const DAY_MS = 86_400_000;

/** The Monday of a day's week, or the first of its month. */
export function startOf(day, span) {
  if (span === "month") return `${day.slice(0, 7)}-01`;
  if (span === "day") return day;
  const at = new Date(`${day}T00:00:00Z`);
  return new Date(at.getTime() - ((at.getUTCDay() + 6) % 7) * DAY_MS).toISOString().slice(0, 10);
}

/** Choices of a span: its newest day with a record stands for each. */
function periods(span) {
  const found = new Map();
  for (const { day, n_patrols: n } of settings.days) {
    const start = startOf(day, span);
    const entry = found.get(start) ?? { day, start, n: 0 };
    entry.n += n;
    found.set(start, entry);
  }
  return [...found.values()];
}

function periodLabel({ start, n }, span) {
  if (span === "day") return t("coverage.day_option", { day: start, n });
  if (span === "month") return t("coverage.month_option", { month: start.slice(0, 7), n });
  const end = new Date(new Date(`${start}T00:00:00Z`).getTime() + 6 * DAY_MS).toISOString().slice(0, 10);
  return t("coverage.week_option", { first: start.slice(5), last: end.slice(5), n });
}

/** The form; `filters` hold what is asked, `change(name, value)` asks anew. */
export function form(filters, change) {
  const box = h("form", { class: "filters coverage-question", onsubmit: (event) => event.preventDefault() });

  function draw() {
    const options = periods(filters.span);
    const start = startOf(filters.day, filters.span);
    const at = options.findIndex((option) => option.start === start);
    const rounds = Math.max(...settings.days.map((entry) => entry.rounds));
    const parts = [
      chips(t("coverage.span"), ["day", "week", "month"], "span"),
      h(
        "div",
        { class: "field wide stepper" },
        step(options[at + 1], "‹", t("coverage.earlier")),
        h(
          "label",
          {},
          h("span", { class: "visually-hidden" }, t("field.day")),
          select(
            "day",
            options.map((option) => [option.day, periodLabel(option, filters.span)]),
            options[at]?.day,
            (value) => ask("day", value),
          ),
        ),
        step(options[at - 1], "›", t("coverage.later")),
      ),
      field(
        t("field.round"),
        select(
          "round",
          [
            ["", t("coverage.all_rounds")],
            ...Array.from({ length: rounds }, (_, n) => [n + 1, t("coverage.round", { n: n + 1 })]),
          ],
          filters.round,
          (value) => ask("round", value),
        ),
      ),
      settings.grids.length
        ? field(
            t("field.grid"),
            select(
              "grid",
              [["", t("filter.all")], ...settings.grids.map((grid) => [grid, shortCode(grid)])],
              filters.grid,
              (value) => ask("grid", value),
            ),
          )
        : null,
      settings.workers.length
        ? field(
            t("field.worker"),
            select(
              "worker",
              [["", t("filter.all")], ...settings.workers.map(({ worker, name }) => [worker, name ? `${name} ${worker}` : worker])],
              filters.worker,
              (value) => ask("worker", value),
            ),
            { isWide: true },
          )
        : null,
      chips(t("coverage.look"), ["verdict", "recency"], "look"),
    ];
    box.replaceChildren(...parts.filter(Boolean));
  }

  function chips(label, values, name) {
    return h(
      "div",
      { class: "chips wide", role: "group", "aria-label": label },
      values.map((value) =>
        h(
          "button",
          {
            type: "button",
            class: "chip-button",
            name,
            value,
            "aria-pressed": String(filters[name] === value),
            onclick: () => ask(name, value),
          },
          t(`coverage.${name}.${value}`),
        ),
      ),
    );
  }

  function step(option, sign, label) {
    return h(
      "button",
      {
        type: "button",
        class: "button quiet",
        disabled: !option,
        title: label,
        onclick: () => ask("day", option.day),
      },
      h("span", { "aria-hidden": "true" }, sign),
      h("span", { class: "visually-hidden" }, label),
    );
  }

  function ask(name, value) {
    change(name, value);
    const focused = document.activeElement;
    const again = focused?.name ? [focused.name, focused.value] : null;
    draw();
    if (again) box.querySelector(`[name="${again[0]}"]${name === again[0] && focused.type === "button" ? `[value="${again[1]}"]` : ""}`)?.focus();
  }

  draw();
  return box;
}
