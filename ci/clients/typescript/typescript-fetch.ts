import { Configuration, ErrorBodyFromJSON, ItemsApi, ResponseError } from "./generated/typescript-fetch/index.js";
import { base, type Json, read, story, write } from "./given.js";

const api = new ItemsApi(new Configuration({ basePath: base }));

await story("typescript-fetch", {
  async put(body, idempotencyKey) {
    // A Blob is sent as it is; an object would go through JSON.stringify, which rounds numbers.
    const exactly = async () => ({ body: new Blob([write(body)]) });
    return (await api.putItem({ requestBody: body, idempotencyKey }, exactly)).objectId;
  },
  async get(key) {
    const { raw } = await api.getItemRaw({ key });
    return read(await raw.text()) as Json;
  },
  async page(limit, cursor) {
    const { raw } = await api.listItemsRaw({ limit, cursor });
    return { items: read(await raw.text()) as Json[], link: raw.headers.get("link") };
  },
  async delete(key) {
    return (await api.deleteItem({ key })).message;
  },
  async refusal(key) {
    const error = await api.getItem({ key }).catch((error: unknown) => error);
    if (!(error instanceof ResponseError)) throw error;
    return [error.response.status, ErrorBodyFromJSON(await error.response.json()).code];
  },
});
