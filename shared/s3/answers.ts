// What an S3 service answers in XML: the few elements that are read, by pattern. Never throws.

const MAX_PARTS = 10_000;

/** The text of the first element of a name; null when there is none. */
export function element(xml: string, name: string): string | null {
  const found = xml.match(new RegExp(`<${name}>([^<]{0,4096})</${name}>`));
  return found === null ? null : unescaped(found[1]);
}

/** A part of an upload as the service lists it. */
export interface ListedPart {
  readonly number: number;
  readonly bytes: number;
  readonly etag: string;
}

/** The parts in an answer to ListParts. */
export function listedParts(xml: string): ListedPart[] {
  return blocks(xml, "Part").flatMap((block) => {
    const [number, bytes] = ["PartNumber", "Size"].map((name) => Number(element(block, name)));
    const etag = bareEtag(element(block, "ETag"));
    const isPart = Number.isSafeInteger(number) && number >= 1 && number <= MAX_PARTS &&
      Number.isSafeInteger(bytes) && bytes >= 0 && etag !== null;
    return isPart ? [{ number, bytes, etag }] : [];
  });
}

/** The ids of a key's uploads in an answer to ListMultipartUploads. */
export function listedUploads(xml: string, key: string): string[] {
  return blocks(xml, "Upload").flatMap((block) => {
    const id = element(block, "UploadId");
    return element(block, "Key") === key && id !== null ? [id] : [];
  });
}

/** An ETag without its quotes; null when it is none. */
export function bareEtag(etag: string | null): string | null {
  return etag?.match(/^"?([0-9A-Za-z-]{1,128})"?$/)?.[1] ?? null;
}

function blocks(xml: string, name: string): string[] {
  const open = `<${name}>`;
  return xml.split(open).slice(1, MAX_PARTS + 1).map((rest) => rest.split(`</${name}>`)[0]);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&#34;": '"',
  "&#39;": "'",
  "&amp;": "&",
};

function unescaped(text: string): string {
  return text.replace(/&(?:lt|gt|quot|apos|amp|#34|#39);/g, (entity) => ENTITIES[entity]);
}
