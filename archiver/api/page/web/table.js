// Tables and lists of the live page. Rows are kept and only what changed is written, so that focus and selection stay.
// All text goes in as text, never as markup.

/**
 * @param rows lists of cells: text, or `{text, href, key, kind}` with a link, a colour of the palette and a class.
 */
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, k) => write(row.cells[k] ?? row.insertCell(), cell));
  });
  showEmpty(body.id, rows.length === 0);
}

export function showEmpty(id, isEmpty) {
  document.querySelector(`[data-empty="${id}"]`).hidden = !isEmpty;
}

/** Sets text where it differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function write(cell, value) {
  const { text, href, key, kind = "", title = "" } = typeof value === "string"
    ? { text: value }
    : value;
  if (cell.className !== kind) cell.className = kind;
  if (cell.title !== title) cell.title = title;
  const shape = `${key ?? ""} ${href === undefined ? "" : "a"}`;
  if (cell.dataset.shape !== shape) {
    cell.dataset.shape = shape;
    const mark = document.createElement("span");
    mark.className = "key";
    mark.style.background = `var(--${key})`;
    cell.replaceChildren(
      ...key === undefined ? [] : [mark],
      document.createElement(href === undefined ? "span" : "a"),
    );
  }
  const inner = cell.lastChild;
  if (href !== undefined && inner.getAttribute("href") !== href) inner.setAttribute("href", href);
  setText(inner, text);
}
