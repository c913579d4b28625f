import { useState } from 'preact/hooks';
import { call, see, type Schemas, type Seen } from '../api/client';
import { Badge, Button, Card, CertificateLink, Code, DateOf, Fact, Facts, Left, Page, Shown, Status, Table } from '../parts/basics';
import { CaName } from '../parts/ca';
import { Chain, decoded, Issued, Revoke, StoredKey } from '../parts/certificate';
import { Endpoints } from '../parts/endpoints';
import { Dialog, FormOf, LongText, Text, useForm } from '../parts/form';
import { blocks, fileName, notify, save } from '../lib/files';
import { allNames, given, keyName, spaced, words } from '../lib/format';
import { useLoad } from '../lib/load';
import { Icon } from '../parts/icons';
import { to } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

type Detail = Schemas['CertificateDetail'];

const base = (of: Detail): string => fileName(of.common_name ?? of.id);

function Details({ of }: { of: Detail }) {
  const [read] = decoded(of.certificate_pem);
  return (
    <Card title={t.certificate.details}>
      <Facts>
        <Fact name={t.certificate.subject}>{spaced(of.subject) || t.common.none}</Fact>
        {read && <Fact name={t.certificates.issuer}>{read.issuer}</Fact>}
        <Fact name={t.certificate.names}>
          <ul class="plain">
            {allNames(of.sans).map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </Fact>
        <Fact name={t.certificate.validity}>
          <DateOf at={of.not_before} precise /> – <DateOf at={of.not_after} precise />
        </Fact>
        <Fact name={t.certificate.key}>{keyName(of.key_type, of.key_size)}</Fact>
        {read && <Fact name={t.certificate.signature}>{read.algorithm}</Fact>}
        {read && <Fact name={t.certificate.usage}>{[...read.keyUsage, ...read.purposes].join(', ') || t.common.none}</Fact>}
        <Fact name={t.certificates.serial}>
          <Code what={t.certificates.serial}>{of.serial_number}</Code>
        </Fact>
        <Fact name={t.certificate.fingerprint}>
          <Code what={t.certificate.fingerprint}>{of.fingerprint_sha256}</Code>
        </Fact>
        {read?.addresses.length ? (
          <Fact name={t.certificate.addresses}>
            <ul class="plain">
              {read.addresses.map((address) => (
                <li key={address}>
                  <code>{address}</code>
                </li>
              ))}
            </ul>
          </Fact>
        ) : null}
      </Facts>
    </Card>
  );
}

function Origin({ of }: { of: Detail }) {
  return (
    <Card title={t.certificate.origin}>
      <Facts>
        <Fact name={t.certificates.source}>{t.certificates.sources[of.source] ?? of.source}</Fact>
        <Fact name={t.certificate.ca}>
          <CaName id={of.ca_id} />
        </Fact>
        {of.role && (
          <Fact name={t.certificates.role}>
            <a href={to(['roles', of.role])}>{of.role}</a>
          </Fact>
        )}
        {of.acme_order_id && (
          <Fact name={t.orders.one}>
            <a href={to(['orders', of.acme_order_id])}>{of.acme_order_id}</a>
          </Fact>
        )}
        <Fact name={t.certificate.made}>
          <DateOf at={of.created_at} precise />
        </Fact>
        {of.renewed_from && (
          <Fact name={t.certificate.renews}>
            <CertificateLink id={of.renewed_from}>{t.certificate.previous}</CertificateLink>
          </Fact>
        )}
        {of.renewed_by && (
          <Fact name={t.certificate.renewedBy}>
            <CertificateLink id={of.renewed_by}>{t.certificate.next}</CertificateLink>
          </Fact>
        )}
        {of.renewal?.renew_at && (
          <Fact name={t.certificate.renewAt}>
            <DateOf at={of.renewal.renew_at} precise />
          </Fact>
        )}
        {of.renewal?.last_error && (
          <Fact name={t.certificate.renewalError}>
            <span class="bad-text">{of.renewal.last_error}</span>
          </Fact>
        )}
        <Fact name={t.certificate.stored}>{of.has_private_key ? t.common.yes : t.common.no}</Fact>
      </Facts>
    </Card>
  );
}

/** What is seen when the dialog is opened stays what is changed, even if the certificate is read anew below it. */
function EditLabels({ seen: { of, state }, onClose, onDone }: { seen: Seen<Detail>; onClose: () => void; onDone: () => void }) {
  const form = useForm({ tags: Object.entries(of.tags).map(([key, value]) => `${key}=${value}`).join('\n'), description: of.description }, async (values) => {
    const pairs = values.tags.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
      const [key = '', ...rest] = line.split('=');
      return [key.trim(), rest.join('=').trim()];
    });
    await call('patch', '/v1/pki/certificates/{id}', { path: { id: of.id }, body: { tags: Object.fromEntries(pairs), description: values.description }, state });
    notify(t.common.saved);
    onClose();
    onDone();
  });
  const anew = () => {
    onClose();
    onDone();
  };
  return (
    <Dialog title={t.certificate.tags} onClose={onClose}>
      <FormOf form={form} action={t.common.save} anew={anew} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <LongText form={form} name="tags" label={t.certificate.tags} hint={t.certificate.tagsHint} mono />
        <Text form={form} name="description" label={t.certificate.description} optional />
      </FormOf>
    </Dialog>
  );
}

function Labels({ seen, editable, onDone }: { seen: Seen<Detail>; editable: boolean; onDone: () => void }) {
  const [editing, setEditing] = useState<Seen<Detail>>();
  const { of } = seen;
  const tags = Object.entries(of.tags);
  return (
    <Card title={t.certificate.tags} actions={editable && <Button kind="quiet" onClick={() => setEditing(seen)}>{t.common.edit}</Button>}>
      {of.description && <p>{of.description}</p>}
      {tags.length > 0 ? (
        <ul class="tags">
          {tags.map(([key, value]) => (
            <li key={key}>
              <a href={to(['certificates'], { tag: `${key}:${value}` })}>
                <span>{key}</span> {value}
              </a>
            </li>
          ))}
        </ul>
      ) : (
        !of.description && <p class="faint">{t.certificate.noTags}</p>
      )}
      {editing && <EditLabels seen={editing} onClose={() => setEditing(undefined)} onDone={onDone} />}
    </Card>
  );
}

function Trail({ id }: { id: string }) {
  const trail = useLoad(`trail ${id}`, (signal) => call('get', '/v1/audit/logs', { query: { object: id, limit: 20 }, signal }), 0, [id]);
  return (
    <Card title={t.certificate.trail} flush>
      <Shown of={trail}>
        {({ logs }) => (
          <Table
            name={t.certificate.trail}
            rows={logs}
            keyOf={(row) => row.id}
            columns={[
              { head: t.audit.when, cell: (row) => <DateOf at={row.timestamp} precise /> },
              { head: t.audit.action, cell: (row) => words(row.action) },
              { head: t.audit.who, wide: true, cell: (row) => <code class="id">{row.identity}</code> },
              { head: t.audit.result, cell: (row) => <Status of={row.success ? 'ok' : 'refused'} /> },
            ]}
          />
        )}
      </Shown>
    </Card>
  );
}

/** Whether it is to be trusted, by path and revocation. */
function Trust({ of }: { of: Detail }) {
  const [verdict, setVerdict] = useState<Schemas['Validation']>();
  const form = useForm({}, async () => setVerdict(await call('post', '/v1/pki/certificates/validate', { body: { certificate_pem: of.certificate_pem, chain_pem: given(of.chain_pem), check_revocation: true } })));
  return (
    <Card title={t.trust.title}>
      <FormOf form={form} action={t.trust.action} kind="plain" />
      <div aria-live="polite">
        {verdict && (
          <>
            <p class={verdict.valid ? 'verdict good' : 'verdict bad'}>
              <Icon name={verdict.valid ? 'check' : 'cross'} />
              {verdict.valid ? t.trust.valid(verdict.trusted_anchor?.name ?? verdict.trusted_anchor?.subject ?? '') : t.trust.invalid}
            </p>
            <ul class="plain">
              {[...verdict.errors, ...verdict.warnings].map((problem) => (
                <li key={`${problem.code} ${problem.message}`} class="hint">
                  {problem.message}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Card>
  );
}

/** Renews, and shows what came of it: a certificate with its key, an order, or a CSR at the desk. */
function Renew({ of, onClose }: { of: Detail; onClose: () => void }) {
  const [made, setMade] = useState<Schemas['IssuedCertificate']>();
  const form = useForm({ ttl: '' }, async ({ ttl }) => {
    const answer = await call('post', '/v1/pki/certificates/{id}/renew', { path: { id: of.id }, body: { ttl: given(ttl) } });
    if ('certificate' in answer) return setMade(answer);
    location.hash = to(['csr_pem' in answer ? 'desk' : 'orders', answer.id]);
  });
  return (
    <Dialog title={made ? t.renew.done : t.renew.title(of.common_name ?? '')} onClose={onClose}>
      {made ? (
        <>
          <Issued of={made} name={of.common_name ?? of.id} stored={of.has_private_key} />
          <div class="actions">
            <a class="button primary" href={to(['certificates', made.certificate_id])}>
              {t.renew.see}
            </a>
          </div>
        </>
      ) : (
        <FormOf form={form} action={t.renew.action} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
          <p>{of.acme_order_id ? t.renew.acme : t.renew.text}</p>
          {!of.acme_order_id && <Text form={form} name="ttl" label={t.issue.ttl} hint={t.issue.ttlHint} optional />}
        </FormOf>
      )}
    </Dialog>
  );
}

function Content({ seen, reload }: { seen: Seen<Detail>; reload: () => void }) {
  const { of } = seen;
  const [open, setOpen] = useState<'renew' | 'revoke' | 'key'>();
  const rights = useRights();
  const may = rights.mayIssueUnder(of.role);
  const close = () => setOpen(undefined);
  return (
    <Page
      title={of.common_name ?? allNames(of.sans)[0] ?? of.serial_number}
      back={{ href: to(['certificates']), text: t.certificates.title }}
      badge={
        <>
          <Status of={of.status} />
          {of.status === 'active' && <Left until={of.not_after} />}
          {of.renewed_by && <Badge>{t.certificate.replaced}</Badge>}
        </>
      }
      actions={
        <>
          {may && of.status !== 'revoked' && !of.renewed_by && (of.ca_id || of.acme_order_id) && (
            <Button icon="order" onClick={() => setOpen('renew')}>
              {t.renew.action}
            </Button>
          )}
          {rights.admin && of.status === 'active' && (of.ca_id || of.acme_order_id) && (
            <Button kind="danger" onClick={() => setOpen('revoke')}>
              {t.revoke.action}
            </Button>
          )}
        </>
      }
    >
      {of.revoked_at && (
        <p class="callout bad">
          {t.certificate.revokedFor(t.reasons[of.revocation_reason ?? ''] ?? of.revocation_reason ?? '')} <DateOf at={of.revoked_at} precise />
        </p>
      )}
      <div class="columns main">
        <div>
          <Details of={of} />
          <Card title={t.certificate.chain}>
            <Chain pem={`${of.certificate_pem}\n${of.chain_pem}`} />
          </Card>
          <Endpoints seen={seen} editable={may} onDone={reload} />
          {rights.admin && <Trail id={of.id} />}
        </div>
        <div>
          <Card title={t.certificate.downloads}>
            <div class="stack">
              <Button icon="download" onClick={() => save(`${base(of)}.pem`, of.certificate_pem)}>{t.certificate.pem}</Button>
              <Button icon="download" onClick={() => save(`${base(of)}-chain.pem`, `${of.certificate_pem.trim()}\n${of.chain_pem}`)}>{t.certificate.withChain}</Button>
              <Button icon="download" onClick={() => save(`${base(of)}.der`, blocks(of.certificate_pem)[0] ?? '', 'application/pkix-cert')}>{t.certificate.der}</Button>
              {of.has_private_key && may && (
                <Button icon="secret" onClick={() => setOpen('key')}>
                  {t.storedKey.title}
                </Button>
              )}
            </div>
          </Card>
          <Trust of={of} />
          <Origin of={of} />
          <Labels seen={seen} editable={may} onDone={reload} />
        </div>
      </div>
      {open === 'renew' && <Renew of={of} onClose={() => { close(); reload(); }} />}
      {open === 'revoke' && <Revoke of={of} onClose={close} onDone={reload} />}
      {open === 'key' && <StoredKey of={of} onClose={close} />}
    </Page>
  );
}

export function Certificate({ id }: { id: string }) {
  const data = useLoad(`certificate ${id}`, (signal) => see('/v1/pki/certificates/{id}', { path: { id }, signal }), 0, [id, 'ca.revoked']);
  return <Shown of={data}>{(seen) => <Content key={seen.of.id} seen={seen} reload={data.reload} />}</Shown>;
}
