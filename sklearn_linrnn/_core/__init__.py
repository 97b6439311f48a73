"""Mathematics on arrays and tensors; knows nothing of scikit-learn, pandas or sktime."""
