// Elements built without HTML text: what a person typed is only ever a text node.

import { shortCode } from "./config.js";

/** An element with properties, then children (elements or text). */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A definition list of label and value pairs, as in popups. */
export function facts(title, pairs, note = null) {
  return h(
    "div",
    { class: "facts" },
    h("h3", {}, title),
    h(
      "dl",
      {},
      pairs
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]),
    ),
    note ? h("p", { class: "note" }, note) : null,
  );
}

/** A grid's short code, the whole one on hovering. */
export function gridCode(code) {
  return h("span", { class: "code", title: code }, shortCode(code));
}

/** A labelled form field. */
export function field(label, control, { isWide = false } = {}) {
  return h("label", { class: isWide ? "field wide" : "field" }, h("span", {}, label), control);
}

/** A select with [value, label] options. */
export function select(name, options, chosen, onchange) {
  return h(
    "select",
    { name, onchange: (event) => onchange(event.target.value) },
    options.map(([value, label]) =>
      h("option", { value, selected: String(value) === String(chosen) }, label),
    ),
  );
}

/** A sortable table; `columns` are {label, value(row), show(row), numeric}. */
export function table(columns, rows, { onpick, sortBy = 0, descending = true, caption } = {}) {
  let column = sortBy;
  let down = descending;
  const body = h("tbody");
  const heads = columns.map((entry, position) =>
    h(
      "th",
      { scope: "col", class: entry.numeric ? "numeric" : null },
      h("button", { type: "button", onclick: () => sort(position) }, entry.label),
    ),
  );

  function sort(position) {
    down = position === column ? !down : Boolean(columns[position].numeric);
    column = position;
    fill();
  }

  function fill() {
    const { value } = columns[column];
    const sorted = [...rows].sort((a, b) => compare(value(a), value(b)) * (down ? -1 : 1));
    heads.forEach((head, position) =>
      head.setAttribute(
        "aria-sort",
        position === column ? (down ? "descending" : "ascending") : "none",
      ),
    );
    body.replaceChildren(
      ...sorted.map((row) =>
        h(
          "tr",
          {
            tabindex: "0",
            onclick: () => onpick?.(row),
            onkeydown: (event) => event.key === "Enter" && onpick?.(row),
          },
          columns.map((entry) =>
            h("td", { class: entry.numeric ? "numeric" : null }, entry.show(row)),
          ),
        ),
      ),
    );
  }

  fill();
  return h(
    "div",
    { class: "table-scroll" },
    h("table", {}, caption ? h("caption", {}, caption) : null, h("thead", {}, h("tr", {}, heads)), body),
  );
}

/** Order of two values; absent ones count as the smallest. */
function compare(a, b) {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" ? a - b : String(a).localeCompare(String(b), "zh-CN");
}
