/** Strokes on a field of 24 by 24. */
const PATHS = {
  overview: 'M4 4h7v8H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 14h7v6H4z',
  certificate: 'M6 3h9l4 4v14H6zM14.500 3v5H19M9.500 13h6M9.500 17h4',
  desk: 'M4 13l2.500-8h11L20 13v6H4zM4 13h5l1.200 2.500h3.600L15 13h5',
  ca: 'M12 3v5M6 21v-5h12v5M12 8v8M9 3h6v5H9zM3.500 21h5M15.500 21h5',
  role: 'M12 3l8 3v6c0 4.500-3.300 7.500-8 9-4.700-1.500-8-4.500-8-9V6z',
  issue: 'M12 5v14M5 12h14',
  order: 'M4 12a8 8 0 0 1 14-5.300L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.300L4 15M4 20v-5h5',
  dns: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3.500 6 3.500 9s-.5 6-3.500 9c-3-3-3.500-6-3.500-9S9 6 12 3z',
  job: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.500 2',
  event: 'M6 17V11a6 6 0 0 1 12 0v6l2 1.500H4zM10 21h4',
  webhook: 'M4 12l16-8-5.500 16-3.500-6zM20 4l-9 10',
  audit: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  token: 'M14.500 9.500a5 5 0 1 0-3.800 4.800L12 16h2v2h2v2h4v-3.500l-6.200-6.200zM8.500 8.500h.01',
  secret: 'M6 11h12v10H6zM8.500 11V7.500a3.500 3.500 0 0 1 7 0V11',
  anchor: 'M12 8v13M12 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM8 12h8M4 14c.5 4 3.500 7 8 7s7.500-3 8-7',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 21c.5-4 3.500-6 7.500-6s7 2 7.500 6',
  left: 'M14 6l-6 6 6 6',
  right: 'M10 6l6 6-6 6',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  cross: 'M6 6l12 12M18 6L6 18',
  alert: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.500 4.500',
  menu: 'M4 7h16M4 12h16M4 17h16',
  out: 'M14 4h6v16h-6M4 12h11M11 8l4 4-4 4',
  theme: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.700" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
