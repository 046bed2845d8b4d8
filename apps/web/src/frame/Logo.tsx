export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="7" fill="var(--accent-fill)" />
      <path d="M8 10.5h16M8 16h11M8 21.5h6" stroke="var(--on-fill)" strokeWidth="3" strokeLinecap="round" />
    </svg>
  );
}
