"""A model at home elsewhere: in a browser, on Triton or KServe, in Node and C++.

folder    a folder of ours, which appears whole
delivery  the model file that every target starts from
tokens    texts to tokens by a table that other languages read
web       a static page that runs the model in the browser
"""
