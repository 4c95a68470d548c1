import createClient from "openapi-fetch";
import type { components, paths } from "./generated/openapi-typescript/schema.js";
import { base, read, story, write } from "./given.js";

type Item = components["schemas"]["Item"];

const api = createClient<paths>({ baseUrl: base });
// Text in place of JSON.parse and JSON.stringify, which round numbers.
const exactly = { parseAs: "text", bodySerializer: write } as const;

await story("openapi-fetch", {
  async put(body, key) {
    const header = { "Idempotency-Key": key };
    const { data } = await api.POST("/picus/put", { body, params: { header }, bodySerializer: write });
    return data!.object_id;
  },
  async get(key) {
    const { data } = await api.GET("/picus/get/{key}", { params: { path: { key } }, ...exactly });
    return read(data!) as Item;
  },
  async page(limit, cursor) {
    const { data, response } = await api.GET("/picus/list", { params: { query: { limit, cursor } }, ...exactly });
    return { items: read(data!) as Item[], link: response.headers.get("link") };
  },
  async delete(key) {
    const { data } = await api.DELETE("/picus/{key}", { params: { path: { key } } });
    return data!.message;
  },
  async refusal(key) {
    const { error, response } = await api.GET("/picus/get/{key}", { params: { path: { key } } });
    return [response.status, error!.code];
  },
});
