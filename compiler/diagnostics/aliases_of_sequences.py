"""What other libraries call recurrent layers, attention, positions and lookups: by op and
argument. One part of the tables of `aliases.py`."""

from __future__ import annotations

from typing import Final

SEQUENCE_OPS: Final = {
    **dict.fromkeys(("SimpleRNN", "vanilla_rnn", "elman", "recurrent", "birnn"), ("rnn",)),
    **dict.fromkeys(("bigru", "CuDNNGRU", "gated_recurrent_unit", "GRUV2"), ("gru",)),
    **dict.fromkeys(("bilstm", "CuDNNLSTM", "long_short_term_memory", "LSTMV2"), ("lstm",)),
    **dict.fromkeys(("SimpleRNNCell", "BasicRNNCell"), ("rnn_cell",)),
    **dict.fromkeys(("BasicLSTMCell", "OptimizedLSTMCell"), ("lstm_cell",)),
    **dict.fromkeys(
        (
            *(
                "attention",
                "self_attention",
                "cross_attention",
                "mha",
                "MultiHeadDotProductAttention",
            ),
            *("gqa", "mqa", "GroupQueryAttention", "GroupedQueryAttention", "MultiQueryAttention"),
            *("CausalSelfAttention", "masked_attention"),
        ),
        ("multihead_attention",),
    ),
    **dict.fromkeys(
        ("sdpa", "dot_product_attention", "flash_attention", "scaled_dot_product"),
        ("scaled_dot_product_attention",),
    ),
    **dict.fromkeys(
        ("RoPE", "rotary", "rotary_positions", "RotaryPositionalEmbeddings", "rotary_emb"),
        ("rotary_embedding",),
    ),
    **dict.fromkeys(
        (
            *("positional_encoding", "SinePositionEncoding", "sinusoidal_encoding"),
            *("sinusoidal_embedding", "sinusoidal_positional_encoding"),
        ),
        ("sinusoidal_positions",),
    ),
    **dict.fromkeys(
        (
            *("PositionEmbedding", "positional_embedding", "pos_embedding", "pos_embed"),
            *("learned_positional_embedding", "wpe"),
        ),
        ("learned_positions",),
    ),
    **dict.fromkeys(("position_ids", "arange"), ("positions",)),
    **dict.fromkeys(("embed", "lookup", "embedding_lookup", "wte"), ("embedding",)),
    **dict.fromkeys(("embedding_lookup_sparse", "bag_of_words"), ("embedding_bag",)),
    **dict.fromkeys(
        ("onehot", "CategoryEncoding", "to_categorical", "one_hot_encoding"), ("one_hot",)
    ),
}

SEQUENCE_ARGUMENTS: Final = {
    **dict.fromkeys(("initial_state", "hx", "h_0", "initial_h"), ("h0",)),
    **dict.fromkeys(("c_0", "cx", "initial_c", "carry"), ("c0",)),
    "recurrent_initializer": ("recurrent_init",),
    "bidir": ("bidirectional",),
    **dict.fromkeys(
        (
            *("num_key_value_heads", "num_key_heads", "n_kv_heads", "n_head_kv", "kv_heads"),
            *("num_query_groups", "kv_num_heads"),
        ),
        ("num_kv_heads",),
    ),
    **dict.fromkeys(("n_head", "num_query_heads", "nhead"), ("num_heads",)),
    "causal": ("is_causal",),
    "src_key_padding_mask": ("key_padding_mask",),
    "padding_mask": ("key_padding_mask",),
    **dict.fromkeys(("q", "queries"), ("query",)),
    **dict.fromkeys(("k", "keys", "memory"), ("key",)),
    **dict.fromkeys(("v", "values"), ("value",)),
    **dict.fromkeys(("rope_theta", "max_wavelength", "wavelength"), ("base",)),
    **dict.fromkeys(
        ("partial_rotary_dim", "rotary_ndims", "rotary_embedding_dim"), ("rotary_dim",)
    ),
    **dict.fromkeys(
        (
            *("max_length", "max_seq_len", "max_seq_length", "sequence_length"),
            *("max_position_embeddings", "block_size", "context_length", "n_positions"),
        ),
        ("max_len",),
    ),
    **dict.fromkeys(("combiner", "bag_mode"), ("mode",)),
    **dict.fromkeys(("depth", "num_tokens", "n_classes"), ("num_classes",)),
    "padding_index": ("padding_idx",),
    "pad_token_id": ("padding_idx",),
}
