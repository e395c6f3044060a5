// Data by fetch; a failure is said in words in the panel, never swallowed.

import { t } from "./config.js";

/** The JSON at an address with query values; empty values are left out. */
export async function fetchJson(address, query = {}) {
  const url = new URL(address, window.location.href);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const response = await fetch(url, {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
  });
  if (response.status === 401) {
    window.location.reload();
    throw new Error(t("map.signed_out"));
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.message || t("map.failed", { status: response.status }));
  }
  return response.json();
}

/** Only the newest of several loads counts: an older answer that comes later is dropped. */
export function latest(load, show, fail) {
  let turn = 0;
  return async (...values) => {
    turn += 1;
    const mine = turn;
    try {
      const answer = await load(...values);
      if (mine === turn) show(answer, ...values);
    } catch (error) {
      if (mine === turn) fail(error);
    }
  };
}

/** Query values of this page's address. */
export function state() {
  return Object.fromEntries(new URLSearchParams(window.location.search));
}

/** Keep the filters in the address, so that it can be bookmarked and sent on. */
export function remember(values) {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  window.history.replaceState(null, "", url);
}
