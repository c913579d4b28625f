import { der } from './der';
import { sha256 } from './sha256';

/** Of each derivation, as the service has it for bundles that it makes. */
const ITERATIONS = 100_000;

/** Whether the browser computes for this page: it does over HTTPS and on this machine only. */
export const canBundle = (): boolean => globalThis.isSecureContext && 'subtle' in crypto;

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

/** UTF-16, as BMPString has it. */
function wide(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    octets[index * 2] = unit >> 8;
    octets[index * 2 + 1] = unit & 0xff;
  }
  return octets;
}

/** Encrypted with PBES2: PBKDF2 with HMAC-SHA-256, and AES-256-CBC (RFC 8018 §6.2). */
async function sealed(content: Uint8Array<ArrayBuffer>, password: string): Promise<{ algorithm: Uint8Array<ArrayBuffer>; octets: Uint8Array<ArrayBuffer> }> {
  const salt = random(16);
  const iv = random(16);
  const secret = await crypto.subtle.importKey('raw', new TextEncoder().encode(password), 'PBKDF2', false, ['deriveKey']);
  const key = await crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS }, secret, { name: 'AES-CBC', length: 256 }, false, ['encrypt']);
  const octets = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, content));
  const derivation = der.sequence(der.oid('1.2.840.113549.1.5.12'), der.sequence(der.octetString(salt), der.integer(ITERATIONS), der.sequence(der.oid('1.2.840.113549.2.9'), der.none())));
  const scheme = der.sequence(der.oid('2.16.840.1.101.3.4.1.42'), der.octetString(iv));
  return { algorithm: der.sequence(der.oid('1.2.840.113549.1.5.13'), der.sequence(derivation, scheme)), octets };
}

const filled = (octets: Uint8Array, size: number): Uint8Array<ArrayBuffer> => {
  const length = Math.ceil(octets.length / size) * size;
  return Uint8Array.from({ length }, (_, index) => octets[index % octets.length] ?? 0);
};

/** The key of the bundle's MAC (RFC 7292 appendix B.2, with SHA-256 and one block). */
function macKey(password: string, salt: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const start = new Uint8Array([...new Uint8Array(64).fill(3), ...filled(salt, 64), ...filled(wide(`${password}\0`), 64)]);
  // The browser's own answers each digest by a promise, which makes so many of them seconds.
  let digest = sha256(start);
  for (let round = 1; round < ITERATIONS; round++) digest = sha256(digest);
  return digest;
}

const data = (content: Uint8Array): Uint8Array<ArrayBuffer> => der.sequence(der.oid('1.2.840.113549.1.7.1'), der.explicit(0, der.octetString(content)));

/** Key and certificates, the key's own first, in one bundle (RFC 7292). The key never leaves the browser for it. */
export async function pkcs12(key: Uint8Array<ArrayBuffer>, certificates: Uint8Array<ArrayBuffer>[], password: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const keyId = new Uint8Array(await crypto.subtle.digest('SHA-256', certificates[0] ?? new Uint8Array()));
  const attributes = der.set(
    der.sequence(der.oid('1.2.840.113549.1.9.20'), der.set(der.part(0x1e, wide(name)))),
    der.sequence(der.oid('1.2.840.113549.1.9.21'), der.set(der.octetString(keyId))),
  );
  const bags = certificates.map((certificate, index) =>
    der.sequence(
      der.oid('1.2.840.113549.1.12.10.1.3'),
      der.explicit(0, der.sequence(der.oid('1.2.840.113549.1.9.22.1'), der.explicit(0, der.octetString(certificate)))),
      ...(index === 0 ? [attributes] : []),
    ),
  );
  const public_ = await sealed(der.sequence(...bags), password);
  const secret = await sealed(key, password);
  const encrypted = der.sequence(
    der.oid('1.2.840.113549.1.7.6'),
    der.explicit(0, der.sequence(der.integer(0), der.sequence(der.oid('1.2.840.113549.1.7.1'), public_.algorithm, der.part(0x80, public_.octets)))),
  );
  const keyBag = der.sequence(der.oid('1.2.840.113549.1.12.10.1.2'), der.explicit(0, der.sequence(secret.algorithm, der.octetString(secret.octets))), attributes);
  const safe = der.sequence(encrypted, data(der.sequence(keyBag)));
  const salt = random(16);
  const hmac = await crypto.subtle.importKey('raw', macKey(password, salt), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', hmac, safe));
  const digest = der.sequence(der.sequence(der.oid('2.16.840.1.101.3.4.2.1'), der.none()), der.octetString(mac));
  return der.sequence(der.integer(3), data(safe), der.sequence(digest, der.octetString(salt), der.integer(ITERATIONS)));
}
