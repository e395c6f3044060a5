// The calendar by keyboard: arrows move between days and workers, Home and End along a row.

const table = document.getElementById("calendar");
const rows = table ? [...table.tBodies[0].rows] : [];
const links = rows.map((row) => [...row.querySelectorAll("td:not(.sum)")].map((cell) => cell.querySelector("a")));

/** Only one cell is a stop of the Tab key: the one that was last in focus. */
function stopAt(link) {
  for (const row of links) for (const one of row) one?.setAttribute("tabindex", one === link ? "0" : "-1");
}

/** The next link in a direction from a place, across cells that have none. */
function next(row, column, down, right) {
  for (let r = row + down, c = column + right; links[r]?.[c] !== undefined; r += down, c += right) {
    if (links[r][c]) return links[r][c];
  }
  return null;
}

table?.addEventListener("keydown", (event) => {
  const row = links.findIndex((cells) => cells.includes(event.target));
  if (row < 0) return;
  const column = links[row].indexOf(event.target);
  const targets = {
    ArrowLeft: () => next(row, column, 0, -1),
    ArrowRight: () => next(row, column, 0, 1),
    ArrowUp: () => next(row, column, -1, 0),
    ArrowDown: () => next(row, column, 1, 0),
    Home: () => links[row].find(Boolean),
    End: () => links[row].findLast(Boolean),
  };
  const target = targets[event.key]?.();
  if (!targets[event.key]) return;
  event.preventDefault();
  target?.focus();
});

table?.addEventListener("focusin", (event) => {
  if (event.target.matches("td a")) stopAt(event.target);
});

stopAt(links.flat().find(Boolean));
