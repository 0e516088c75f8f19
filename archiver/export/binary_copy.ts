// PostgreSQL's binary COPY format (its manual, "COPY", "Binary Format"): a header, rows of counted fields with their
// lengths, big-endian, and a trailer. No character needs escaping in it. The protocol's DataRow holds a row in the same way.

/** How much one piece of encoded rows holds, unless a single row is larger. */
const MAX_PIECE_BYTES = 1024 * 1024;
const NULL_LENGTH = -1;

/** What goes before the first row: signature, flags, length of the header's extension. */
export const COPY_HEADER: Uint8Array = Uint8Array.of(
  ...new TextEncoder().encode("PGCOPY\n"),
  ...[0xff, 0x0d, 0x0a, 0x00],
  ...[0, 0, 0, 0, 0, 0, 0, 0],
);

export const COPY_TRAILER: Uint8Array = Uint8Array.of(0xff, 0xff);

export interface FixedColumn {
  readonly width: 1 | 2 | 4 | 8;
  /** Little-endian, one value after another. */
  readonly data: Uint8Array;
  /** One bit a row, the lowest first, 0 where the value is null; null when none is. */
  readonly valid: Uint8Array | null;
}

export interface BytesColumn {
  readonly values: readonly (Uint8Array | null)[];
}

export type CopyColumn = FixedColumn | BytesColumn;

/** Type and length of a DataRow. */
const FRAME_BYTES = 5;
const DATA_ROW = "D".charCodeAt(0);

/**
 * Encodes the rows of `columns`, each of which has `rows` values, as pieces of about a MiB at most.
 * @param isFramed whether each row becomes a DataRow.
 */
export function* encodeRows(
  columns: readonly CopyColumn[],
  rows: number,
  isFramed = false,
): Generator<Uint8Array> {
  const frame = isFramed ? FRAME_BYTES : 0;
  const ends = rowEnds(columns, rows, frame);
  for (let from = 0; from < rows;) {
    const begin = from === 0 ? 0 : ends[from - 1];
    let to = from + 1;
    while (to < rows && ends[to] - begin <= MAX_PIECE_BYTES) to++;
    yield encodePiece(columns, from, to, ends, frame);
    from = to;
  }
}

function rowEnds(columns: readonly CopyColumn[], rows: number, frame: number): Float64Array {
  const ends = new Float64Array(rows).fill(frame + 2 + 4 * columns.length);
  for (const column of columns) {
    if ("values" in column) {
      for (let row = 0; row < rows; row++) ends[row] += column.values[row]?.length ?? 0;
    } else {
      for (let row = 0; row < rows; row++) ends[row] += isNull(column, row) ? 0 : column.width;
    }
  }
  for (let row = 1; row < rows; row++) ends[row] += ends[row - 1];
  return ends;
}

function encodePiece(
  columns: readonly CopyColumn[],
  from: number,
  to: number,
  ends: Float64Array,
  frame: number,
): Uint8Array {
  const begin = from === 0 ? 0 : ends[from - 1];
  const piece = new Uint8Array(ends[to - 1] - begin);
  const view = new DataView(piece.buffer);
  const at = new Uint32Array(to - from);
  for (let row = from; row < to; row++) {
    const start = row === from ? 0 : ends[row - 1] - begin;
    if (frame > 0) {
      piece[start] = DATA_ROW;
      view.setInt32(start + 1, ends[row] - begin - start - 1);
    }
    view.setInt16(start + frame, columns.length);
    at[row - from] = start + frame + 2;
  }
  for (const column of columns) {
    if ("values" in column) putBytes(column, from, at, piece, view);
    else putFixed(column, from, at, view);
  }
  return piece;
}

function putBytes(
  { values }: BytesColumn,
  from: number,
  at: Uint32Array,
  piece: Uint8Array,
  view: DataView,
): void {
  for (let i = 0; i < at.length; i++) {
    const value = values[from + i];
    view.setInt32(at[i], value?.length ?? NULL_LENGTH);
    if (value) piece.set(value, at[i] + 4);
    at[i] += 4 + (value?.length ?? 0);
  }
}

/** The hot path: one loop a column, whose body does not ask for the width. */
function putFixed(column: FixedColumn, from: number, at: Uint32Array, view: DataView): void {
  const { width, data, valid } = column;
  const source = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const put = PUTS[width];
  for (let i = 0; i < at.length; i++) {
    if (valid !== null && isNull(column, from + i)) {
      view.setInt32(at[i], NULL_LENGTH);
      at[i] += 4;
      continue;
    }
    view.setInt32(at[i], width);
    put(view, at[i] + 4, source, (from + i) * width);
    at[i] += 4 + width;
  }
}

type Put = (to: DataView, at: number, from: DataView, offset: number) => void;

const PUTS: Record<FixedColumn["width"], Put> = {
  1: (to, at, from, offset) => to.setUint8(at, from.getUint8(offset)),
  2: (to, at, from, offset) => to.setUint16(at, from.getUint16(offset, true)),
  4: (to, at, from, offset) => to.setUint32(at, from.getUint32(offset, true)),
  8: (to, at, from, offset) => {
    to.setUint32(at, from.getUint32(offset + 4, true));
    to.setUint32(at + 4, from.getUint32(offset, true));
  },
};

function isNull({ valid }: FixedColumn, row: number): boolean {
  return valid !== null && (valid[row >> 3] >> (row & 7) & 1) === 0;
}
