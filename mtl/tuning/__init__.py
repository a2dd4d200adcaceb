"""`mtl tune`: a search over the spec, on train and valid alone. Test is never read here: no path of it is made."""
