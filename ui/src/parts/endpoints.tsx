import { useState } from 'preact/hooks';
import { call, type Schemas, type Seen } from '../api/client';
import { notify } from '../lib/files';
import { t } from '../texts';
import { Badge, Button, Card, CertificateLink, DateOf, Left, Table } from './basics';
import { Dialog, FormOf, LongText, useForm } from './form';

type Detail = Schemas['CertificateDetail'];
type Endpoint = Detail['endpoints'][number];

const TONES: Record<string, 'good' | 'warn' | 'bad' | 'calm'> = { deployed: 'good', serving_old: 'warn', other_certificate: 'bad', unreachable: 'bad' };

/** What was found there, and why nothing else. */
function Found({ of }: { of: Endpoint }) {
  const more = [of.reason, ...of.findings.map((finding) => t.endpoints.findings[finding] ?? finding.replace(/_/g, ' '))].filter(Boolean);
  return (
    <>
      <Badge tone={TONES[of.state] ?? 'calm'}>{t.endpoints.states[of.state] ?? of.state.replace(/_/g, ' ')}</Badge>
      {more.length > 0 && <div class="hint">{more.join('; ')}</div>}
    </>
  );
}

function Edit({ seen: { of, state }, onClose, onDone }: { seen: Seen<Detail>; onClose: () => void; onDone: () => void }) {
  const done = () => {
    onClose();
    onDone();
  };
  const form = useForm({ endpoints: of.endpoints.map((one) => one.endpoint).join('\n') }, async ({ endpoints }) => {
    const all = endpoints.split('\n').map((line) => line.trim()).filter(Boolean);
    await call('patch', '/v1/pki/certificates/{id}', { path: { id: of.id }, body: { endpoints: all }, state });
    notify(t.common.saved);
    done();
  });
  return (
    <Dialog title={t.endpoints.title} onClose={onClose}>
      <FormOf form={form} action={t.common.save} anew={done} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <LongText form={form} name="endpoints" label={t.endpoints.title} hint={t.endpoints.hint} mono />
      </FormOf>
    </Dialog>
  );
}

/** Where a certificate is meant to be served, and what is served there. */
export function Endpoints({ seen, editable, onDone }: { seen: Seen<Detail>; editable: boolean; onDone: () => void }) {
  const [editing, setEditing] = useState<Seen<Detail>>();
  const { of } = seen;
  const look = useForm({}, async () => {
    await call('post', '/v1/pki/certificates/{id}/check', { path: { id: of.id } });
    onDone();
  });
  return (
    <Card title={t.endpoints.title} actions={editable && !of.renewed_by && <Button kind="quiet" onClick={() => setEditing(seen)}>{t.endpoints.edit}</Button>}>
      <Table
        name={t.endpoints.title}
        rows={of.endpoints}
        keyOf={(one) => one.endpoint}
        empty={<p class="faint">{t.endpoints.none}</p>}
        columns={[
          { head: t.endpoints.one, wide: true, cell: (one) => <code>{one.endpoint}</code> },
          { head: t.endpoints.found, cell: (one) => <Found of={one} /> },
          {
            head: t.endpoints.served,
            cell: (one) =>
              one.served && (one.served.certificate_id ? <CertificateLink id={one.served.certificate_id}><Left until={one.served.not_after} /></CertificateLink> : <Left until={one.served.not_after} />),
          },
          { head: t.endpoints.checked, cell: (one) => <DateOf at={one.checked_at} precise /> },
        ]}
      />
      {editable && of.endpoints.length > 0 && <FormOf form={look} action={t.endpoints.look} kind="plain" />}
      {editing && <Edit seen={editing} onClose={() => setEditing(undefined)} onDone={onDone} />}
    </Card>
  );
}
