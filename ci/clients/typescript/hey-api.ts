import { createClient } from "./generated/hey-api/client/index.js";
import { deleteItem, getItem, listItems, putItem } from "./generated/hey-api/sdk.gen.js";
import type { Item } from "./generated/hey-api/types.gen.js";
import { base, read, story, write } from "./given.js";

const client = createClient({ baseUrl: base, bodySerializer: write });
// Text in place of JSON.parse, which rounds numbers. The types of the answers still say JSON.
const exactly = { client, parseAs: "text", throwOnError: true } as const;
const text = (data: unknown) => data as string;

await story("hey-api", {
  async put(body, key) {
    const { data } = await putItem({ client, body, headers: { "Idempotency-Key": key }, throwOnError: true });
    return data.object_id;
  },
  async get(key) {
    const { data } = await getItem({ ...exactly, path: { key } });
    return read(text(data)) as Item;
  },
  async page(limit, cursor) {
    const { data, response } = await listItems({ ...exactly, query: { limit, cursor } });
    return { items: read(text(data)) as Item[], link: response.headers.get("link") };
  },
  async delete(key) {
    const { data } = await deleteItem({ client, path: { key }, throwOnError: true });
    return data.message;
  },
  async refusal(key) {
    const { error, response } = await getItem({ client, path: { key } });
    return [response!.status, error!.code];
  },
});
