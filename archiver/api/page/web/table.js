// Tables and lists of the live page. Their rows are kept and only what changed is written, so that focus and selection
// stay. All text goes in as text, never as markup.

/** A table, or the words that stand for it while it has no rows. */
export class Table {
  #columns;
  #table;
  #words;

  /** @param columns headings; one that ends in # is of numbers. */
  constructor(root, columns) {
    const table = this.#table = document.createElement("table");
    const head = table.createTHead().insertRow();
    this.#columns = columns.map((name) => name.endsWith("#") ? "number" : "");
    columns.forEach((name, i) => {
      const cell = head.appendChild(document.createElement("th"));
      Object.assign(cell, { scope: "col", className: this.#columns[i] });
      cell.textContent = name.replace("#", "");
    });
    table.createTBody();
    this.#words = root.querySelector(".empty");
    root.prepend(table);
    this.fill([]);
  }

  /** @param rows lists of cells: text, or `{text, href, key, bad, title}` with a link, or a chart's `{color, round}`. */
  fill(rows) {
    const [body] = this.#table.tBodies;
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((cells, i) => {
      const row = body.rows[i] ?? body.insertRow();
      cells.forEach((cell, k) => {
        const { bad } = write(row.cells[k] ?? row.insertCell(), cell);
        row.cells[k].className = `${this.#columns[k]}${bad ? " bad" : ""}`;
      });
    });
    this.#table.hidden = rows.length === 0;
    this.#words.hidden = rows.length > 0;
  }
}

/** Fills a list with items as cells are; it is hidden while it has none. */
export function fillList(root, items) {
  while (root.children.length > items.length) root.lastChild.remove();
  items.forEach((item, i) =>
    write(root.children[i] ?? root.appendChild(document.createElement("li")), item)
  );
  root.hidden = items.length === 0;
}

/** Sets text where it differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function write(parent, value) {
  const cell = typeof value === "string" ? { text: value } : value;
  const { text, href, key, title = "" } = cell;
  const shape = `${key?.color} ${key?.round} ${href}`;
  if (parent.dataset.shape !== shape) {
    parent.dataset.shape = shape;
    const mark = document.createElement("span");
    mark.className = `key round-${key?.round}`;
    mark.style.setProperty("--key", `var(--${key?.color})`);
    const inner = document.createElement(href === undefined ? "span" : "a");
    if (href !== undefined) inner.href = href;
    parent.replaceChildren(...key === undefined ? [] : [mark], inner);
  }
  if (parent.title !== title) parent.title = title;
  setText(parent.lastChild, text);
  return cell;
}
