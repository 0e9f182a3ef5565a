// Unmodified OpenFeature SDKs for Node and for the web: node openfeature.mjs <base URL> <server key> <client key> <flag>.
// Prints what they saw, as JSON. `<flag>` answers true where `plan` is "pro".
import { OpenFeature as Server } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature as Web } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [baseUrl, server, client, flag] = process.argv.slice(2);
const bearer = (key) => [["Authorization", `Bearer ${key}`]];
const pro = { targetingKey: "unit-1", plan: "pro" };
const free = { targetingKey: "unit-1", plan: "free" };

await Server.setProviderAndWait(new OFREPProvider({ baseUrl, headers: bearer(server) }));
const served = Server.getClient();
const details = await served.getBooleanDetails(flag, false, pro);
const seen = {
  server: [details.value, await served.getBooleanValue(flag, true, free)],
  details: { variant: details.variant, reason: details.reason, set: details.flagMetadata.flagSetId },
  missing: (await served.getBooleanDetails("no-such-flag", true, pro)).errorCode,
  mismatch: await served.getStringValue(flag, "mine", pro),
};

const statuses = [];
const counted = async (...request) => {
  const response = await fetch(...request);
  statuses.push(response.status);
  return response;
};
await Web.setContext(free);
await Web.setProviderAndWait(
  new OFREPWebProvider({ baseUrl, headers: bearer(client), pollInterval: 0, fetchImplementation: counted, disableLocalCache: true }),
);
const web = Web.getClient();
seen.web = [web.getBooleanValue(flag, true)];
for (const context of [pro, { ...pro, irrelevant: 1 }, free]) {
  await Web.setContext(context); // with the ETag of the answer before: it must not freeze the values
  seen.web.push(web.getBooleanValue(flag, context.plan !== "pro"));
}
seen.hidden = web.getBooleanDetails(`${flag}-hidden`, true).errorCode;
seen.statuses = statuses;
console.log(JSON.stringify(seen));
await Web.close();
await Server.close();
