"""The organ pattern: which organs hold metastases of which primary when patients die, in closed form, and its fit."""
