import { useState } from 'preact/hooks';
import { ApiError, call, type Schemas } from '../api/client';
import { Block, Button, Facts, Fact, Left, DateOf } from './basics';
import { Dialog, FormOf, Select, Text, Tick, useForm, type Form } from './form';
import { blocks, fileName, notify, octets, save } from '../lib/files';
import { canBundle, pkcs12 } from '../lib/pkcs12';
import { decode, type Decoded } from '../lib/x509';
import { t } from '../texts';

type Detail = Schemas['CertificateDetail'];
export type Reason = Schemas['RevocationReason'];

/** The certificates of a PEM text, decoded; those that cannot be read are left out. */
export function decoded(pem: string): Decoded[] {
  return blocks(pem).flatMap((der) => {
    try {
      return [decode(der)];
    } catch {
      return [];
    }
  });
}

/** The chain from the certificate up, as it is verified. */
export function Chain({ pem }: { pem: string }) {
  const links = decoded(pem);
  return (
    <ol class="chain">
      {links.map((link, index) => (
        <li key={link.serial}>
          <strong>{link.subject}</strong>
          <span class="faint">
            {index === links.length - 1 && link.subject === link.issuer ? t.certificate.root : link.isCa ? t.certificate.intermediate : t.certificate.leaf} · {link.algorithm} · {t.certificates.ends.toLowerCase()} <DateOf at={link.notAfter} />
          </span>
        </li>
      ))}
    </ol>
  );
}

const REASONS = ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation', 'affiliationChanged', 'privilegeWithdrawn'] as const satisfies Reason[];

export function RevocationReason({ form }: { form: Form<{ reason: Reason }> }) {
  return <Select form={form} name="reason" label={t.revoke.reason} choices={REASONS.map((value) => ({ value, text: t.reasons[value] ?? value }))} />;
}

/** Asks for the reason and tells the consequences. */
export function Revoke({ of, onClose, onDone }: { of: Detail; onClose: () => void; onDone: () => void }) {
  const form = useForm<{ reason: Reason }>({ reason: 'unspecified' }, async ({ reason }) => {
    await call('post', '/v1/pki/revoke', { body: { serial_number: of.serial_number, reason, ca_id: of.ca_id } });
    notify(t.revoke.done);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.revoke.title(of.common_name ?? of.serial_number)} onClose={onClose}>
      <FormOf form={form} action={t.revoke.action} kind="danger" more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <RevocationReason form={form} />
        <ul class="consequences">
          <li>{t.revoke.forGood}</li>
          <li>{of.acme_order_id ? t.revoke.acme : t.revoke.crl}</li>
          {!of.renewed_by && of.status === 'active' && <li>{t.revoke.notReplaced}</li>}
        </ul>
      </FormOf>
    </Dialog>
  );
}

/** A certificate that has just been made, with its key, which is shown this once. */
export function Issued({ of, name, stored }: { of: Schemas['IssuedCertificate']; name: string; stored: boolean }) {
  const base = fileName(name);
  const chain = of.ca_chain.join('\n');
  const key = of.private_key;
  return (
    <>
      {key && (
        <div class="callout warn" role="note">
          <strong>{t.issue.keyOnce}</strong> {stored ? t.issue.keyStored : t.issue.keyOnceText}
        </div>
      )}
      <Facts>
        <Fact name={t.certificates.serial}>
          <code>{of.serial_number}</code>
        </Fact>
        <Fact name={t.certificates.ends}>
          <DateOf at={of.not_after} precise /> <Left until={of.not_after} />
        </Fact>
      </Facts>
      <div class="actions start">
        {key && (
          <Button kind="primary" icon="download" onClick={() => save(`${base}.key`, key)}>
            {t.issue.key}
          </Button>
        )}
        <Button icon="download" onClick={() => save(`${base}.crt`, `${of.certificate.trim()}\n${of.ca_chain.slice(0, -1).join('\n')}`)}>
          {t.issue.fullChain}
        </Button>
        <Button icon="download" onClick={() => save(`${base}-ca.crt`, of.ca_chain[of.ca_chain.length - 1] ?? chain)}>
          {t.issue.root}
        </Button>
      </div>
      {key && canBundle() && <Bundle name={base} keyPem={key} certificates={[of.certificate, ...of.ca_chain].join('\n')} />}
      {key && (
        <details class="more">
          <summary>{t.issue.showKey}</summary>
          <Block what={t.issue.key}>{key}</Block>
        </details>
      )}
      <details class="more">
        <summary>{t.issue.showCertificate}</summary>
        <Block what={t.certificate.one}>{of.certificate}</Block>
      </details>
    </>
  );
}

/** As the API has it for bundles that it makes. */
const SHORTEST_PASSWORD = 8;

function Bundle({ name, keyPem, certificates }: { name: string; keyPem: string; certificates: string }) {
  const form = useForm({ password: '' }, async ({ password }) => {
    if ([...password].length < SHORTEST_PASSWORD) throw new ApiError(422, 'validation_error', '', { fields: { password: t.issue.passwordShort(SHORTEST_PASSWORD) } });
    save(`${name}.p12`, await pkcs12(blocks(keyPem)[0] ?? new Uint8Array(), blocks(certificates), password, name), 'application/x-pkcs12');
  });
  return (
    <details class="more">
      <summary>{t.issue.bundle}</summary>
      <FormOf form={form} action={t.issue.bundleAction}>
        <Text form={form} name="password" type="password" label={t.issue.password} hint={t.issue.bundleHint(SHORTEST_PASSWORD)} autocomplete="new-password" />
      </FormOf>
    </details>
  );
}

/** The stored key of a certificate, which the service hands out on demand and notes in the audit log. */
export function StoredKey({ of, onClose }: { of: Detail; onClose: () => void }) {
  const [view, setView] = useState<string>();
  const base = fileName(of.common_name ?? of.id);
  const form = useForm<{ format: Schemas['KeyFormat']; password: string; show: boolean }>({ format: 'pem', password: '', show: false }, async ({ format, password, show }) => {
    const answer = await call('post', '/v1/pki/certificates/{id}/private-key', { path: { id: of.id }, body: { format, password: format === 'pem' ? undefined : password } });
    if (answer.pkcs12) save(`${base}.p12`, octets(answer.pkcs12), 'application/x-pkcs12');
    else if (show) return setView(answer.private_key ?? '');
    else save(`${base}.key`, answer.private_key ?? '');
    onClose();
  });
  return (
    <Dialog title={t.storedKey.title} onClose={onClose}>
      {view ? (
        <>
          <Block what={t.issue.key}>{view}</Block>
          <Button onClick={onClose}>{t.common.close}</Button>
        </>
      ) : (
        <FormOf form={form} action={form.v.format === 'pem' && form.v.show ? t.storedKey.show : t.storedKey.download} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
          <p>{t.storedKey.text}</p>
          <Select form={form} name="format" label={t.storedKey.format} choices={[{ value: 'pem', text: t.storedKey.pem }, { value: 'pkcs12', text: t.storedKey.pkcs12 }]} />
          {form.v.format === 'pkcs12' ? <Text form={form} name="password" type="password" label={t.issue.password} hint={t.issue.bundleHint(SHORTEST_PASSWORD)} autocomplete="new-password" /> : <Tick form={form} name="show" label={t.storedKey.showInstead} />}
        </FormOf>
      )}
    </Dialog>
  );
}
