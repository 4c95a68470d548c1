// As much of an OpenAPI document as a form needs.

interface Reference { $ref?: string }
interface Schema { example?: unknown; examples?: unknown[] }
interface Parameter extends Reference { name: string; in: "path" | "query" | "header"; required?: boolean; description?: string }
interface Body extends Reference { content?: Record<string, { example?: unknown; examples?: Record<string, { value?: unknown }>; schema?: Schema }> }
interface Operation { operationId?: string; summary?: string; description?: string; parameters?: Parameter[]; requestBody?: Body }
export interface OpenApi { paths: Record<string, Record<string, Operation> & { parameters?: Parameter[] }>; [other: string]: unknown }

export interface Call {
  id: string;
  method: string;
  path: string;
  summary: string;
  parameters: { name: string; place: "path" | "query" | "header"; required: boolean; description: string }[];
  /** The text that a body begins as; null where a call has no body. */
  example: string | null;
}

const METHODS = ["post", "get", "delete", "put", "patch"];

/** What `#/components/parameters/Key` stands for. */
function resolve<T extends Reference>(document: OpenApi, value: T): T {
  if (!value.$ref) return value;
  let found: unknown = document;
  for (const step of value.$ref.replace(/^#\//, "").split("/")) found = (found as Record<string, unknown> | undefined)?.[step];
  return (found ?? value) as T;
}

function exampleOf(document: OpenApi, operation: Operation): string | null {
  if (!operation.requestBody) return null;
  const content = resolve(document, operation.requestBody).content?.["application/json"];
  const named = Object.values(content?.examples ?? {})[0]?.value;
  const example = content?.example ?? named ?? content?.schema?.example ?? content?.schema?.examples?.[0];
  return JSON.stringify(example ?? { name: "first", size: 3 }, null, 2);
}

export function callsOf(document: OpenApi): Call[] {
  const calls: Call[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) => resolve(document, parameter));
      calls.push({
        id: operation.operationId ?? `${method} ${path}`,
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? operation.description ?? "",
        parameters: parameters.map(({ name, in: place, required, description }) => ({ name, place, required: required ?? false, description: description ?? "" })),
        example: exampleOf(document, operation),
      });
    }
  }
  // Putting comes first: without an item, the other calls have nothing to show.
  return calls.sort((a, b) => METHODS.indexOf(a.method.toLowerCase()) - METHODS.indexOf(b.method.toLowerCase()));
}
