// What a person with Node's own `fetch` does: node client.mjs <local.json>. Prints what it saw, as JSON.
import { readFileSync } from "node:fs";

const { api_url, keys } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const call = (path, options = {}) =>
  fetch(new URL(path, api_url), {
    ...options,
    headers: { Authorization: `Bearer ${keys.admin}`, "Content-Type": "application/json", ...options.headers },
  });

const page = await fetch(api_url);
const made = await call("/v1/products", { method: "POST", body: JSON.stringify({ name: "From Node", price: 1.5 }) });
const read = await call(made.headers.get("location"));
const first = await call("/v1/products?limit=1");
const second = await call(first.headers.get("link").match(/<([^>]+)>/)[1]);
const patched = await call(made.headers.get("location"), {
  method: "PATCH",
  body: JSON.stringify({ name: "Von Node: äöü €" }),
  headers: { "Content-Type": "application/merge-patch+json", "If-Match": read.headers.get("etag") },
});
console.log(
  JSON.stringify({
    statuses: [page, made, read, first, second, patched].map((response) => response.status),
    name: (await patched.json()).name,
    pages: (await first.json()).items[0].id !== (await second.json()).items[0].id,
  }),
);
