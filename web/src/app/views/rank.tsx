export function RankView() {
  return <p class="muted">Rank</p>;
}
