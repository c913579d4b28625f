import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { notify, save } from '../lib/files';
import { allNames, utc } from '../lib/format';
import { asApiError } from '../lib/load';
import { t } from '../texts';
import { Button } from './basics';
import { RevocationReason } from './certificate';
import { Dialog, FormOf, Text, useForm, type Form } from './form';

type Certificate = Schemas['Certificate'];

/** What is done to one certificate after the other, and what did not work. */
function useSeries(rows: Certificate[], onDone: () => void): { done: number; failed: string[]; run(act: (row: Certificate) => Promise<unknown>): Promise<void> } {
  const [done, setDone] = useState(0);
  const [failed, setFailed] = useState<string[]>([]);
  return {
    done,
    failed,
    async run(act) {
      const wrong: string[] = [];
      for (const [index, row] of rows.entries()) {
        try {
          await act(row);
        } catch (cause) {
          wrong.push(`${row.common_name ?? row.id}: ${asApiError(cause).message}`);
        }
        setDone(index + 1);
      }
      setFailed(wrong);
      notify(t.bulk.done(rows.length - wrong.length));
      onDone();
    },
  };
}

function Preview({ rows, series }: { rows: Certificate[]; series: { done: number; failed: string[] } }) {
  return (
    <>
      <ul class="preview" aria-label={t.bulk.preview} tabIndex={0}>
        {rows.map((row) => (
          <li key={row.id}>{row.common_name ?? allNames(row.sans)[0] ?? row.serial_number}</li>
        ))}
      </ul>
      {series.done > 0 && <progress value={series.done} max={rows.length} aria-label={t.bulk.progress} />}
      {series.failed.length > 0 && (
        <div class="problem" role="alert">
          <ul class="plain">
            {series.failed.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

interface Of {
  rows: Certificate[];
  onClose: () => void;
  onDone: () => void;
}

function Tagging({ rows, onClose, onDone }: Of) {
  const series = useSeries(rows, onDone);
  const form = useForm({ key: '', value: '' }, ({ key, value }) =>
    series.run((row) => call('patch', '/v1/pki/certificates/{id}', { path: { id: row.id }, body: { tags: { ...row.tags, [key.trim()]: value.trim() } } })),
  );
  return (
    <Dialog title={t.bulk.tagTitle(rows.length)} onClose={onClose}>
      <FormOf form={form} action={t.bulk.tag} more={<Button onClick={onClose}>{series.done > 0 ? t.common.close : t.common.cancel}</Button>}>
        <Preview rows={rows} series={series} />
        <div class="row">
          <Text form={form} name="key" label={t.bulk.key} placeholder="team" />
          <Text form={form} name="value" label={t.bulk.value} placeholder="web" />
        </div>
      </FormOf>
    </Dialog>
  );
}

function Revoking({ rows, onClose, onDone }: Of) {
  const series = useSeries(rows, onDone);
  const form = useForm({ reason: 'unspecified' }, ({ reason }) =>
    series.run((row) => call('post', '/v1/pki/revoke', { body: { serial_number: row.serial_number, reason, ...(row.ca_id ? { ca_id: row.ca_id } : {}) } as Schemas['RevokeCertificateRequest'] })),
  );
  const unreplaced = rows.filter((row) => !row.renewed_by).length;
  return (
    <Dialog title={t.bulk.revokeTitle(rows.length)} onClose={onClose}>
      <FormOf form={form} action={t.revoke.action} kind="danger" more={<Button onClick={onClose}>{series.done > 0 ? t.common.close : t.common.cancel}</Button>}>
        <Preview rows={rows} series={series} />
        <RevocationReason form={form as Form<{ reason: string }>} />
        <ul class="consequences">
          <li>{t.revoke.forGood}</li>
          {unreplaced > 0 && <li>{t.bulk.unreplaced(unreplaced)}</li>}
        </ul>
      </FormOf>
    </Dialog>
  );
}

/** What can be done with the certificates that are ticked. */
export function Bulk({ rows, canRevoke, onClear, onDone }: { rows: Certificate[]; canRevoke: boolean; onClear: () => void; onDone: () => void }) {
  // What was chosen when the dialog was opened: the list changes below it.
  const [open, setOpen] = useState<{ act: 'tag' | 'revoke'; rows: Certificate[] }>();
  const close = () => setOpen(undefined);
  const active = rows.filter((row) => row.status === 'active');
  return (
    <div class="bulk" role="region" aria-label={t.bulk.title}>
      <strong>{t.bulk.chosen(rows.length)}</strong>
      <div class="actions">
        <Button onClick={() => setOpen({ act: 'tag', rows })}>{t.bulk.tag}</Button>
        {canRevoke && active.length > 0 && (
          <Button kind="danger" onClick={() => setOpen({ act: 'revoke', rows: active })}>
            {t.revoke.action}
          </Button>
        )}
        <Button kind="quiet" onClick={onClear}>
          {t.bulk.clear}
        </Button>
      </div>
      {open?.act === 'tag' && <Tagging rows={open.rows} onClose={close} onDone={onDone} />}
      {open?.act === 'revoke' && <Revoking rows={open.rows} onClose={close} onDone={onDone} />}
    </div>
  );
}

const PAGE = 1000;
const MOST = 20_000;

/** A field of CSV (RFC 4180). One that a spreadsheet would take for a formula is kept from being one. */
function field(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Everything that these filters find, up to a bound, as a file. */
export async function downloadCsv(query: Record<string, unknown>): Promise<void> {
  const rows: Certificate[] = [];
  let cursor: string | undefined;
  do {
    const page = await call('get', '/v1/pki/certificates', { query: { ...query, limit: PAGE, cursor } as never });
    rows.push(...page.certificates);
    cursor = page.has_more ? (page.cursor ?? undefined) : undefined;
  } while (cursor && rows.length < MOST);
  const head = ['id', 'common_name', 'names', 'issuer', 'role', 'source', 'status', 'not_before', 'not_after', 'serial_number', 'fingerprint_sha256', 'tags'];
  const lines = rows.map((row) => [
    row.id, row.common_name ?? '', allNames(row.sans).join(' '), row.ca_id ?? '', row.role ?? '', row.source, row.status, utc(row.not_before), utc(row.not_after), row.serial_number, row.fingerprint_sha256,
    Object.entries(row.tags).map(([key, value]) => `${key}=${value}`).join(' '),
  ]);
  save('certificates.csv', [head, ...lines].map((line) => line.map(field).join(',')).join('\r\n') + '\r\n', 'text/csv');
  notify(cursor ? t.certificates.csvBounded(MOST) : t.certificates.csvDone(rows.length));
}
