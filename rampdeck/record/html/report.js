/* Light or dark, and tables that can be sorted. */
(function () {
  "use strict";
  const root = document.documentElement;
  const redraw = () => window.rampdeck && window.rampdeck.redraw();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = document.getElementById("theme");
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const name = () => (theme.textContent = now() === "dark" ? "☀ Light" : "☾ Dark");
  theme.hidden = false;
  name();
  theme.addEventListener("click", () => {
    root.dataset.theme = now() === "dark" ? "light" : "dark";
    name();
    redraw();
  });
  dark.addEventListener("change", () => {
    name();
    redraw();
  });

  // What is folded is printed too.
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      window.addEventListener("afterprint", () => (part.open = false), { once: true });
    }
  });

  const worth = (row, column) => {
    const cell = row.cells[column];
    const value = cell.dataset.v;
    if (value === undefined) return cell.textContent.trim().toLowerCase();
    return value === "" ? null : Number(value);
  };
  function order(one, other, sign) {
    if (one === other) return 0;
    if (one === null) return 1; // no data is last either way
    if (other === null) return -1;
    return sign * (typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other)));
  }
  function sort(table, column, head) {
    const down = head.getAttribute("aria-sort") === "descending"
      || (head.getAttribute("aria-sort") === null && table.tBodies[0].rows[0].cells[column].dataset.v === undefined);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((one, other) => order(worth(one, column), worth(other, column), down ? 1 : -1));
    table.tBodies[0].append(...rows);
  }
  for (const table of document.querySelectorAll("table[data-sort]"))
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, column, head));
    });
})();
