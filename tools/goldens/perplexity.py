"""Perplexity of a model folder by transformers, by the protocol that `secateur eval` prints: rows joined by a blank line, tokenised once, windows
without overlap, T-1 predictions a window. By hand only: nothing of the project needs Python.
usage: python perplexity.py MODEL ROWS.jsonl WINDOW_TOKENS WINDOWS"""
import json, math, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, rows, tokens, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
text = "\n\n".join(json.loads(line)["text"] for line in open(rows, encoding="utf-8"))
ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt").input_ids[0]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
loss = predicted = 0
with torch.no_grad():
    for i in range(count):
        window = ids[i * tokens : (i + 1) * tokens][None]
        loss += model(window, labels=window).loss.item() * (tokens - 1)
        predicted += tokens - 1
print(f"perplexity {math.exp(loss / predicted):.4f} over {predicted} predicted tokens")
