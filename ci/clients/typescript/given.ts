// What the three drivers share: the item, and a reader and a writer that keep every digit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse, stringify } from "lossless-json";

export type Json = { [name: string]: unknown };
export const base = process.env.PICUS!;
export const item = parse(readFileSync("../item.json", "utf8")) as Json;

/** JSON text whose numbers may have more digits than a `number` has. */
export const write = (value: unknown) => stringify(value)!;
export const read = (text: string) => parse(text);

/** The cursor of a `Link: </picus/list?limit=2&cursor=…>; rel="next"`. */
export function cursor(link: string | null): string | undefined {
  const next = link?.match(/<([^>]*)>; *rel="next"/)?.[1];
  return next && (new URL(next, base).searchParams.get("cursor") ?? undefined);
}

/** The parts of the API that every client has to make work. */
export interface Client {
  put(item: Json, idempotencyKey?: string): Promise<string>;
  get(key: string): Promise<Json>;
  page(limit: number, cursor?: string): Promise<{ items: Json[]; link: string | null }>;
  delete(key: string): Promise<string>;
  /** The status and the code of the answer to a key that is not there. */
  refusal(key: string): Promise<[number, string]>;
}

export async function story(name: string, client: Client) {
  const key = `${name}-${Date.now()}`;
  const id = await client.put(item, key);
  assert.equal(await client.put(item, key), id, "the same put again is the same item");
  assert.deepEqual(await client.get(id), { ...item, object_id: id });

  const ids = [id, await client.put({ n: 2 }), await client.put({ n: 3 })];
  const listed: unknown[] = [];
  let pages = 0;
  let next: string | undefined;
  do {
    const page = await client.page(2, next);
    listed.push(...page.items.map((found) => found.object_id));
    next = cursor(page.link);
    pages += 1;
  } while (next);
  assert.ok(pages >= 2, "the list has two pages");
  for (const id of ids) assert.ok(listed.includes(id), `${id} is listed`);

  for (const id of ids) assert.match(await client.delete(id), /deleted successfully/);
  assert.deepEqual(await client.refusal(id), [404, "item_not_found"]);
  console.log(`${name}: works`);
}
