// What the test of the page stands on: a certmill of its own, a browser, and the tests' sum.
import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createServer as createWebServer, request } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { createRequire } from 'node:module';

const root = resolve(import.meta.dirname, '../..');
const binary = process.env.UI_TEST_BINARY ?? join(root, 'target/debug/certmill');
const browser = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const pictures = join(root, 'target/ui');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What has to be ended and taken away, however this process exits. */
const leftovers = new Set();
process.on('exit', () => {
  for (const end of leftovers) end();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** Ends the process `child` gives and takes its folder away: when it is called, and when the tests end without that. */
function ending(folder, child) {
  const end = () => {
    leftovers.delete(end);
    child()?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  leftovers.add(end);
  return end;
}

const port = () =>
  new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => done(free));
    });
  });

/** The page as it lies in `dist`, before a certmill with it has been built; everything else comes from the service. */
async function development(base) {
  const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
  const types = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2' };
  const at = await port();
  const server = createWebServer((asked, answer) => {
    if (asked.url.startsWith('/ui/')) {
      const name = asked.url.slice(4) || 'index.html';
      answer.writeHead(200, { 'Content-Type': types[name.split('.').pop()] ?? 'text/plain', 'Content-Security-Policy': policy });
      return answer.end(readFileSync(join(root, 'ui/dist', name)));
    }
    const onward = request(base + asked.url, { method: asked.method, headers: asked.headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  server.listen(at, '127.0.0.1').unref();
  return `http://127.0.0.1:${at}`;
}

/** A Pebble that takes every proof, with the settings by which a certmill trusts it. */
export async function acmeServer() {
  const folder = mkdtempSync(join(tmpdir(), 'certmill-ui-pebble-'));
  const at = (name) => join(folder, name);
  const [acme, management, http, tls] = [await port(), await port(), await port(), await port()];
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('key.pem'), '-subj', '/CN=pebble', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-out', at('certificate.pem'));
  writeFileSync(at('configuration.json'), JSON.stringify({ pebble: { listenAddress: `127.0.0.1:${acme}`, managementListenAddress: `127.0.0.1:${management}`, certificate: at('certificate.pem'), privateKey: at('key.pem'), httpPort: http, tlsPort: tls, ocspResponderURL: '', externalAccountBindingRequired: false } }));
  const child = spawn(process.env.PEBBLE ?? 'pebble', ['-config', at('configuration.json')], { env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_VA_ALWAYS_VALID: '1', PEBBLE_WFE_NONCEREJECT: '0' }, stdio: 'ignore' });
  const end = ending(folder, () => child);
  let failed;
  child.on('error', (error) => (failed = error));
  await new Promise((next) => setImmediate(next));
  return {
    directory: `https://127.0.0.1:${acme}/dir`,
    environment: { CERTMILL_EGRESS__ALLOW: '127.0.0.1', CERTMILL_EGRESS__CA_FILE: at('certificate.pem') },
    check() {
      if (failed) throw new Error(`Pebble does not run: ${failed.message}`);
    },
    end,
  };
}

/** A name server that takes dynamic updates for `example.net` with a key. */
export async function nameServer() {
  const folder = mkdtempSync(join(tmpdir(), 'certmill-ui-named-'));
  const at = (name) => join(folder, name);
  const secret = Buffer.from('a key of thirty-two octets, more').toString('base64');
  const own = await port();
  writeFileSync(at('zone'), '$TTL 5\n@ SOA ns.example.net. root.example.net. 1 60 60 600 5\n@ NS ns.example.net.\nns A 127.0.0.1\n');
  writeFileSync(
    at('named.conf'),
    `key "page" { algorithm hmac-sha256; secret "${secret}"; };
options { directory "${folder}"; listen-on port ${own} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "${at('pid')}"; session-keyfile "${at('session')}"; recursion no; dnssec-validation no; };
controls { };
zone "example.net" { type primary; file "${at('zone')}"; update-policy { grant page zonesub ANY; }; };\n`,
  );
  const child = spawn(process.env.NAMED ?? '/usr/sbin/named', ['-g', '-c', at('named.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = ending(folder, () => child);
  let said = '';
  child.on('error', (error) => (said = String(error)));
  child.stderr.on('data', (octets) => (said += octets));
  for (const until = Date.now() + 20_000; !said.includes('running') && Date.now() < until; ) await new Promise((next) => setTimeout(next, 50));
  return {
    address: `127.0.0.1:${own}`,
    secret,
    check() {
      if (!said.includes('running')) throw new Error(`named does not run: ${said}`);
    },
    end,
  };
}

/** A receiver of webhooks: it keeps what it gets and answers with `status`. */
export async function receiver() {
  const at = await port();
  const of = { url: `http://127.0.0.1:${at}/events`, status: 200, got: [] };
  const server = createWebServer((asked, answer) => {
    let body = '';
    asked.on('data', (octets) => (body += octets));
    asked.on('end', () => {
      of.got.push({ type: asked.headers['x-certmill-event-type'], signature: asked.headers['x-certmill-signature'], timestamp: asked.headers['x-certmill-timestamp'], body });
      answer.writeHead(of.status).end();
    });
  });
  server.listen(at, '127.0.0.1').unref();
  return of;
}

/** One `certmill dev` with a folder of its own. It can be stopped and started again at the same address. */
export async function service(environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'certmill-ui-'));
  const at = await port();
  const base = `http://127.0.0.1:${at}`;
  let child;
  const end = ending(folder, () => child);
  const answers = async () => {
    try {
      return (await fetch(`${base}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  const start = async () => {
    child = spawn(binary, ['dev', '--data', join(folder, 'data'), '--listen', `127.0.0.1:${at}`], { env: { ...process.env, XDG_CONFIG_HOME: join(folder, 'config'), ...environment }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (octets) => (said += octets));
    for (const until = Date.now() + 60_000; !(await answers()); ) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`certmill does not answer: ${said}`);
      await new Promise((next) => setTimeout(next, 50));
    }
  };
  const stop = () =>
    new Promise((done) => {
      if (!child || child.exitCode !== null) return done();
      child.once('exit', done);
      child.kill('SIGTERM');
    });
  await start();
  const token = readFileSync(join(folder, 'data/admin.token'), 'utf8').trim();
  const call = async (method, path, body) => {
    const answer = await fetch(base + path, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return { base, token, folder, start, stop, call, page: `${process.env.UI_FROM_DIST ? await development(base) : base}/ui/`, end: async () => { await stop(); end(); } };
}

export async function openBrowser() {
  if (!existsSync(browser)) throw new Error(`no browser at ${browser}`);
  mkdirSync(pictures, { recursive: true });
  // Settings of whoever runs the tests are neither read nor written.
  const home = mkdtempSync(join(tmpdir(), 'certmill-ui-browser-'));
  const settings = { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_CACHE_HOME: join(home, 'cache'), XDG_DATA_HOME: join(home, 'data') };
  const ended = ending(home, () => undefined);
  const chrome = await chromium.launch({ executablePath: browser, env: { ...process.env, ...settings }, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  chrome.on('disconnected', ended);
  return chrome;
}

/** A page that keeps what its console complains about; the browser tells breaches of the policy there. */
export async function open(chrome, address, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true, locale: 'en-GB', timezoneId: 'Europe/Zurich', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('console', (message) => {
    // Refused calls are part of the tests; the browser notes each of them.
    if (message.type() === 'error' && !/Failed to load resource|ERR_CONNECTION/.test(message.text())) page.complaints.push(message.text());
  });
  await page.goto(address);
  return page;
}

export async function signIn(page, token) {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('main').getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
}

/** Breaches of WCAG 2.2 A and AA, and of axe's best practices. */
export async function breaches(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) {
    // The policy lets no script be added to the page; this one comes from outside of it, by the debugger.
    const session = await page.context().newCDPSession(page);
    await session.send('Runtime.evaluate', { expression: axe });
    await session.detach();
  }
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary.split('\n').slice(1, 3).join(' ')}`));
}

export function openssl(...args) {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function downloaded(page, act) {
  const [file] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: file.suggestedFilename(), path: await file.path() };
}

const results = { passed: 0, failed: 0 };

/** Runs one test and says how it went; the page's picture at that moment is kept when it fails. */
export async function test(name, page, body) {
  if (process.env.ONLY && !new RegExp(process.env.ONLY).test(name) && !name.startsWith('0')) return;
  const since = Date.now();
  try {
    await body();
    if (page?.complaints.length) throw new Error(`the console says: ${page.complaints.join(' | ')}`);
    results.passed++;
    console.log(`ok      ${name} (${Date.now() - since} ms)`);
  } catch (error) {
    results.failed++;
    console.log(`FAILED  ${name}\n        ${String(error?.stack ?? error).split('\n').slice(0, 14).join('\n        ')}`);
    if (page) {
      page.complaints.length = 0;
      await page.screenshot({ path: join(pictures, `failed-${name.replace(/\W+/g, '-')}.png`) }).catch(() => undefined);
      // Leaves the page as the next test expects it.
      await page.keyboard.press('Escape');
    }
  }
}

export function finish() {
  // In cargo's words, so that `tests/run` counts them too.
  console.log(`\ntest result: ${results.failed === 0 ? 'ok' : 'FAILED'}. ${results.passed} passed; ${results.failed} failed`);
  return results.failed === 0 && results.passed > 0 ? 0 : 1;
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}
