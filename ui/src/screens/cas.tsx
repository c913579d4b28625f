import { useState } from 'preact/hooks';
import { call, crl } from '../api/client';
import { Button, Card, Code, DateOf, Empty, Fact, Facts, Left, LinkButton, Page, Shown, Status, Table } from '../parts/basics';
import { CaName, CrlLeft, tree, type Ca } from '../parts/ca';
import { Chain, type Reason } from '../parts/certificate';
import { Icon } from '../parts/icons';
import { Confirm, FormOf, Select, Text, useForm } from '../parts/form';
import { blocks, fileName, notify, save } from '../lib/files';
import { count, given, givenNumber, keyChoices, keyName, keyOf, lines } from '../lib/format';
import { allCas, walkCas } from '../lib/lists';
import { useLoad } from '../lib/load';
import { go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { entries } from '../lib/x509';
import { t } from '../texts';

export function Cas() {
  const list = useLoad('cas', walkCas, 0, ['ca.', 'crl.']);
  return (
    <Page title={t.cas.title} actions={<LinkButton kind="primary" icon="issue" href={to(['cas', 'new'])}>{t.cas.create}</LinkButton>}>
      <Shown of={list}>
        {({ rows, more }) => (
          <div class="card flush">
            {more && <p class="hint">{t.overview.casBounded(count(rows.length))}</p>}
            <Table
              name={t.cas.title}
              rows={tree(rows)}
              keyOf={({ ca }) => ca.id}
              empty={<Empty title={t.cas.none} action={<LinkButton kind="primary" href={to(['cas', 'new'], { type: 'root' })}>{t.cas.createRoot}</LinkButton>}>{t.cas.noneText}</Empty>}
              columns={[
                { head: t.cas.name, cell: ({ ca, depth }) => <a class="nested" style={{ '--depth': depth }} href={to(['cas', ca.id])}>{ca.name}</a> },
                { head: t.cas.commonName, wide: true, cell: ({ ca }) => ca.common_name },
                { head: t.certificate.key, wide: true, cell: ({ ca }) => keyName(ca.key_type, ca.key_size) },
                { head: t.cas.issued, wide: true, number: true, cell: ({ ca }) => count(ca.certificates_issued) },
                { head: t.cas.crl, wide: true, cell: ({ ca }) => (ca.crl ? <>#{ca.crl.number}</> : t.common.none) },
                { head: t.cas.nextCrl, wide: true, cell: ({ ca }) => <CrlLeft of={ca} /> },
                { head: t.cas.ends, cell: ({ ca }) => <Left until={ca.valid_until} ended={ca.status !== 'active'} bad={30} warn={90} /> },
                { head: t.common.status, cell: ({ ca }) => <Status of={ca.status} /> },
              ]}
            />
          </div>
        )}
      </Shown>
    </Page>
  );
}

function Create({ cas }: { cas: Ca[] }) {
  const { query } = usePlace();
  const parents = cas.filter((ca) => ca.status === 'active');
  const wanted = query.get('parent') ?? parents.find((ca) => ca.ca_type === 'root')?.id ?? '';
  const form = useForm({ parent_ca_id: query.get('type') === 'root' ? '' : wanted, name: '', common_name: '', key: 'ec 256', validity_days: '', organization: '', permitted_dns_domains: '' }, async (values) => {
    const made = await call('post', '/v1/pki/ca', {
      body: {
        name: values.name.trim(),
        common_name: values.common_name.trim(),
        ca_type: values.parent_ca_id ? 'intermediate' : 'root',
        ...keyOf(values.key),
        parent_ca_id: given(values.parent_ca_id),
        validity_days: givenNumber(values.validity_days),
        organization: values.organization.trim() ? [values.organization.trim()] : undefined,
        permitted_dns_domains: values.permitted_dns_domains.trim() ? lines(values.permitted_dns_domains) : undefined,
      },
    });
    notify(t.cas.made);
    go(to(['cas', made.id]));
  });
  const root = form.v.parent_ca_id === '';
  return (
    <Card>
      <FormOf form={form} action={root ? t.cas.createRoot : t.cas.createIntermediate}>
        <Select form={form} name="parent_ca_id" label={t.cas.under} hint={root ? t.cas.rootHint : t.cas.intermediateHint} choices={[{ value: '', text: t.cas.itself }, ...parents.map((ca) => ({ value: ca.id, text: ca.name }))]} />
        <div class="row">
          <Text form={form} name="name" label={t.cas.name} hint={t.cas.nameHint} placeholder={root ? 'root' : 'issuing'} />
          <Text form={form} name="common_name" label={t.cas.commonName} hint={t.cas.commonNameHint} placeholder={root ? 'Example Root CA' : 'Example Issuing CA'} />
        </div>
        <div class="row">
          <Select form={form} name="key" label={t.certificate.key} choices={keyChoices} />
          <Text form={form} name="validity_days" label={t.cas.days} placeholder={root ? '3650' : '1825'} optional />
        </div>
        <details class="more">
          <summary>{t.common.more}</summary>
          <Text form={form} name="organization" label={t.cas.organization} optional />
          <Text form={form} name="permitted_dns_domains" label={t.cas.permitted} hint={t.cas.permittedHint} optional />
        </details>
      </FormOf>
    </Card>
  );
}

export function NewCa() {
  const list = useLoad('cas', allCas);
  return (
    <Page narrow title={t.cas.create} lead={t.cas.createLead} back={{ href: to(['cas']), text: t.cas.title }}>
      <Shown of={list}>{(cas) => <Create cas={cas} />}</Shown>
    </Page>
  );
}

const LISTED = 200;
const READ_UP_TO = 20_000;

function RevokedList({ of }: { of: Ca }) {
  const number = of.crl?.number ?? 0;
  const read = useLoad(`entries ${of.id} ${number}`, async (signal) => entries(await crl(of.id, signal), LISTED));
  return (
    <Shown of={read}>
      {(rows) => (
        <Table
          name={t.cas.entries}
          rows={rows}
          keyOf={(row) => row.serial}
          columns={[
            { head: t.certificates.serial, cell: (row) => <a class="mono" href={to(['certificates'], { serial_number: row.serial, include_revoked: 'true' })}>{row.serial}</a> },
            { head: t.cas.revokedAt, wide: true, cell: (row) => <DateOf at={row.at} precise /> },
            { head: t.revoke.reason, cell: (row) => t.reasons[row.reason] ?? row.reason },
          ]}
        />
      )}
    </Shown>
  );
}

function CrlCard({ of, reload }: { of: Ca; reload: () => void }) {
  const { admin } = useRights();
  const [busy, setBusy] = useState(false);
  const rebuild = () => {
    setBusy(true);
    call('post', '/v1/pki/ca/{id}/crl', { path: { id: of.id } })
      // The number is that of the present one, and its PEM is missing, while the work goes on.
      .then((built) => notify(built.crl_pem ? t.cas.rebuilt : t.cas.rebuilding), (error: Error) => notify(error.message))
      .finally(() => {
        setBusy(false);
        reload();
      });
  };
  const figures = of.crl;
  return (
    <Card title={t.cas.crl} actions={admin && of.status !== 'expired' && <Button kind="quiet" icon="order" busy={busy} onClick={rebuild}>{t.cas.rebuild}</Button>}>
      {figures ? (
        <>
          <Facts>
            <Fact name={t.cas.number}>#{count(figures.number)}</Fact>
            <Fact name={t.cas.thisUpdate}>
              <DateOf at={figures.this_update} precise />
            </Fact>
            <Fact name={t.cas.nextUpdate}>
              <DateOf at={figures.next_update} precise /> <CrlLeft of={of} />
            </Fact>
            <Fact name={t.cas.entries}>{count(figures.entries)}</Fact>
          </Facts>
          {figures.entries > 0 && figures.entries <= READ_UP_TO && <RevokedList of={of} />}
          {figures.entries > LISTED && <p class="hint">{t.cas.listed(LISTED)}</p>}
        </>
      ) : (
        <p class="faint">{t.cas.noCrl}</p>
      )}
    </Card>
  );
}

function Content({ of, reload }: { of: Ca; reload: () => void }) {
  const { admin } = useRights();
  const [revoking, setRevoking] = useState(false);
  const certificate = useLoad(`certificate of ${of.id}`, (signal) => call('get', '/v1/pki/ca/{id}/certificate', { path: { id: of.id }, signal }));
  const pem = certificate.data?.certificate_pem;
  const { revocation } = of;
  return (
    <Page
      title={of.name}
      back={{ href: to(['cas']), text: t.cas.title }}
      badge={<Status of={of.status} />}
      actions={
        admin &&
        of.status === 'active' && (
          <>
            <LinkButton href={to(['cas', 'new'], { parent: of.id })}>{t.cas.createBelow}</LinkButton>
            <LinkButton href={to(['roles', 'new'], { ca: of.id })}>{t.roles.create}</LinkButton>
            <Button kind="danger" onClick={() => setRevoking(true)}>
              {t.cas.revoke}
            </Button>
          </>
        )
      }
    >
      {revocation && (
        <div class="callout bad">
          <p>
            {t.certificate.revokedFor(t.reasons[revocation.reason] ?? revocation.reason)} <DateOf at={revocation.revoked_at} precise />
          </p>
          <p>{t.cas.progress(count(revocation.certificates_revoked), count(revocation.certificates_total))}</p>
          <progress value={revocation.certificates_revoked} max={Math.max(1, revocation.certificates_total)} aria-label={t.cas.progressLabel} />
        </div>
      )}
      <div class="columns main">
        <div>
          <Card title={t.certificate.details}>
            <Facts>
              <Fact name={t.cas.commonName}>{of.common_name}</Fact>
              <Fact name={t.cas.under}>{of.parent_ca_id ? <CaName id={of.parent_ca_id} /> : t.cas.itself}</Fact>
              <Fact name={t.certificate.key}>{keyName(of.key_type, of.key_size)}</Fact>
              <Fact name={t.certificate.validity}>
                <DateOf at={of.valid_from} /> – <DateOf at={of.valid_until} /> {of.status === 'active' && <Left until={of.valid_until} bad={30} warn={90} />}
              </Fact>
              <Fact name={t.cas.issued}>
                <a href={to(['certificates'], { ca_id: of.id })}>{count(of.certificates_issued)}</a>
              </Fact>
              {of.serial_number && (
                <Fact name={t.certificates.serial}>
                  <Code what={t.certificates.serial}>{of.serial_number}</Code>
                </Fact>
              )}
              <Fact name={t.cas.crlUrl}>
                <Code what={t.cas.crlUrl}>{of.crl_url}</Code>
              </Fact>
              <Fact name={t.cas.issuersUrl}>
                <Code what={t.cas.issuersUrl}>{of.ca_issuers_url}</Code>
              </Fact>
            </Facts>
          </Card>
          <CrlCard of={of} reload={reload} />
        </div>
        <div>
          <Card title={t.certificate.downloads}>
            <div class="stack">
              <Button icon="download" disabled={!pem} onClick={() => pem && save(`${fileName(of.name)}.pem`, pem)}>{t.certificate.pem}</Button>
              <Button icon="download" disabled={!pem} onClick={() => pem && save(`${fileName(of.name)}.cer`, blocks(pem)[0] ?? '', 'application/pkix-cert')}>{t.certificate.der}</Button>
              <a class="button" href={`/pub/crl/${of.id}.crl`} download={`${fileName(of.name)}.crl`}><Icon name="download" />{t.cas.downloadCrl}</a>
            </div>
          </Card>
          {certificate.data && (
            <Card title={t.certificate.chain}>
              <Chain pem={`${certificate.data.certificate_pem}\n${certificate.data.chain_pem}`} />
            </Card>
          )}
        </div>
      </div>
      {revoking && <RevokeCa of={of} onClose={() => setRevoking(false)} onDone={reload} />}
    </Page>
  );
}

const CA_REASONS = ['cessationOfOperation', 'cACompromise', 'keyCompromise', 'superseded', 'affiliationChanged', 'unspecified'] as const satisfies Reason[];

function RevokeCa({ of, onClose, onDone }: { of: Ca; onClose: () => void; onDone: () => void }) {
  const form = useForm<{ reason: Reason }>({ reason: 'cessationOfOperation' }, async () => undefined);
  const send = async () => {
    await call('post', '/v1/pki/ca/{id}/revoke', { path: { id: of.id }, body: { reason: form.v.reason } });
    notify(t.revoke.done);
    onDone();
  };
  return (
    <Confirm title={t.revoke.title(of.name)} action={t.cas.revoke} onClose={onClose} send={send}>
      <Select form={form} name="reason" label={t.revoke.reason} choices={CA_REASONS.map((value) => ({ value, text: t.reasons[value] ?? value }))} />
      <ul class="consequences">
        <li>{t.cas.consequenceStop}</li>
        <li>{t.cas.consequenceBelow(count(of.certificates_issued))}</li>
        <li>{t.revoke.forGood}</li>
      </ul>
    </Confirm>
  );
}

export function OneCa({ id }: { id: string }) {
  const [running, setRunning] = useState(false);
  const data = useLoad(`ca ${id}`, (signal) => call('get', '/v1/pki/ca/{id}', { path: { id }, signal }), running ? 2000 : 10_000, [id]);
  const cascade = data.data?.revocation != null && !data.data.revocation.completed_at;
  if (cascade !== running && data.data) setRunning(cascade);
  return <Shown of={data}>{(of) => <Content key={of.id} of={of} reload={data.reload} />}</Shown>;
}
