// The main job of certmill by a generated client: CAs, a role, certificates, search, revocation, a CRL, a refusal.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { client } from "./generated/client.gen.js";
import { createCa, createRole, getCrl, issueCertificate, listCertificates, revokeCertificate } from "./generated/index.js";
import type { Certificate } from "./generated/index.js";

client.setConfig({ baseUrl: process.env["CERTMILL_URL"] ?? "", auth: process.env["CERTMILL_TOKEN"] ?? "" });
const run = `typescript-${randomUUID().slice(0, 8)}`;

const { data: root } = await createCa({
  body: { name: `${run}-root`, common_name: "TypeScript Root", ca_type: "root", key_type: "ec" },
  throwOnError: true,
});
assert.equal(root.parent_ca_id, null);
const { data: ca } = await createCa({
  body: { name: run, common_name: "TypeScript CA", ca_type: "intermediate", parent_ca_id: root.id, key_type: "ec" },
  throwOnError: true,
});
assert.equal(ca.status, "active");
const { data: role } = await createRole({
  body: { name: run, ca_id: ca.id, allowed_domains: [`${run}.test`], allow_subdomains: true, key_type: "ec" },
  throwOnError: true,
});
assert.equal(role.key_type, "ec");
for (const host of ["a", "b", "c"]) {
  await issueCertificate({
    path: { role: run },
    body: { common_name: `${host}.${run}.test`, ttl: "1h" },
    throwOnError: true,
  });
}
const found: Certificate[] = [];
let cursor: string | undefined;
do {
  const query = { ca_id: ca.id, san: `*.${run}.test`, limit: 2, ...(cursor === undefined ? {} : { cursor }) };
  const { data: page } = await listCertificates({ query, throwOnError: true });
  found.push(...page.certificates);
  cursor = page.cursor ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(found.map((it) => it.common_name), ["c", "b", "a"].map((host) => `${host}.${run}.test`));
for (let time = 0; time < 2; time += 1) {
  const { data: revoked } = await revokeCertificate({
    body: { serial_number: found[0]!.serial_number, reason: "superseded" },
    headers: { "Idempotency-Key": run },
    throwOnError: true,
  });
  assert.equal(revoked.reason, "superseded");
}
const { data: crl } = await getCrl({ path: { id: ca.id }, parseAs: "blob", throwOnError: true });
assert.equal(new Uint8Array(await (crl as Blob).arrayBuffer())[0], 0x30);
const { error } = await issueCertificate({ path: { role: run }, body: { common_name: "www.example.com" } });
assert.equal(error?.error.code, "role_violation");
console.log(`typescript: ${found.length} certificates, refused with ${error.error.code}`);
