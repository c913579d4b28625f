// One order at an ACME server by a generated client: an account, an order, its certificate.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { client } from "./generated/client.gen.js";
import { createAcmeAccount, createAcmeOrder, deactivateAcmeAccount, getCertificate } from "./generated/index.js";

client.setConfig({ baseUrl: process.env["CERTMILL_URL"] ?? "", auth: process.env["CERTMILL_TOKEN"] ?? "" });
const directory = process.env["CERTMILL_ACME_DIRECTORY"] ?? "";
const name = `typescript-${randomUUID().slice(0, 8)}`;

const { data: account } = await createAcmeAccount({
  body: { name, provider: "custom", directory_url: directory, terms_of_service_agreed: true },
  throwOnError: true,
});
assert.equal(account.status, "valid");
// The server looks for the answer to its challenge at this machine. Other programs have ordered for the same name.
const { data: order } = await createAcmeOrder({
  query: { wait: "30s" },
  body: { account_id: account.id, domains: ["127.0.0.1"], challenge_type: "http-01", auto_renew: false, force: true },
  throwOnError: true,
});
assert.equal(order.status, "valid", JSON.stringify(order));
const { data: certificate } = await getCertificate({ path: { id: order.certificate_id ?? "" }, throwOnError: true });
assert.deepEqual([certificate.source, certificate.sans.ip], ["acme", ["127.0.0.1"]]);
const { response } = await deactivateAcmeAccount({ path: { id: account.id }, throwOnError: true });
assert.equal(response.status, 204);
console.log(`typescript: the order ${order.id} is ${order.status}`);
