/** Searches in the browser: reads `?q=` and the index next to the page. Sends no data to a server. */
import MiniSearch from 'minisearch';
import { searchOptions } from '../search-options.ts';

const shown = 30;
const input = document.querySelector('#search');
const status = document.querySelector('#search-status');
const list = document.querySelector('#search-results');

const query = new URLSearchParams(location.search).get('q') ?? '';
input.value = query;
input.focus();
status.textContent = 'The index is loading.';
try {
  const response = await fetch('search-index.json');
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const index = MiniSearch.loadJSON(await response.text(), searchOptions);
  const showResults = () => {
    const text = input.value.trim();
    const results = text === '' ? [] : index.search(text);
    list.replaceChildren(...results.slice(0, shown).map(renderResult));
    status.textContent = text === '' ? 'Type a word above.' : countText(results.length, text);
  };
  input.addEventListener('input', showResults);
  showResults();
} catch (error) {
  status.textContent = `The search index cannot be read: ${error.message}. Reload the page.`;
}

function renderResult({ id, heading, title, excerpt }) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.href = id;
  link.textContent = heading === title ? title : `${title}: ${heading}`;
  const text = document.createElement('p');
  text.textContent = excerpt;
  item.append(link, text);
  return item;
}

function countText(count, text) {
  if (count === 0) return `No section matches "${text}".`;
  if (count === 1) return `1 section matches "${text}".`;
  return count > shown
    ? `${count} sections match "${text}". The first ${shown} are shown.`
    : `${count} sections match "${text}".`;
}
