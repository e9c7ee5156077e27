"""The operators of the domain: the names of their inputs, outputs and attributes as onnxruntime documents them, and
what of that is taken."""

from __future__ import annotations

from collections.abc import Mapping

from deeploy_mlir.frontend.microsoft import activations, attention, convolution, embedding, normalisations, products
from deeploy_mlir.frontend.microsoft import quantized as q
from deeploy_mlir.frontend.microsoft.grouped_attention import group_query_attention
from deeploy_mlir.frontend.microsoft.operator import Operator
from deeploy_mlir.frontend.microsoft.rotary import rotary_embedding

_A = ("A", "A_scale", "A_zero_point")
_B = ("B", "B_scale", "B_zero_point")
_C = ("C_scale", "C_zero_point")
_X = ("X", "X_scale", "X_zero_point")
_Y = ("Y_scale", "Y_zero_point")
_CONV = (*convolution.WINDOW, "group")
_TRANSPOSED = ("alpha", "transA", "transB")
_ACTIVATION = ("activation", "activation_alpha", "activation_beta", "activation_gamma")
_SHARED_BUFFER = {"past_present_share_buffer": 0, "do_rotary": 0}

_ATTENTION: Mapping[str, Operator] = {
    "Attention": Operator(
        attention.attention,
        ("input", "weights", "bias", "mask_index", "past", "attention_bias", "past_sequence_length"),
        ("output", "present"),
        ("mask_filter_value", "num_heads", "qkv_hidden_sizes", "scale", "unidirectional", "rotary_embedding_dim"),
        without=("past_sequence_length",),
        only=_SHARED_BUFFER,
    ),
    "QAttention": Operator(
        attention.quantized_attention,
        (
            *("input", "weight", "bias", "input_scale", "weight_scale", "mask_index"),
            *("input_zero_point", "weight_zero_point", "past"),
        ),
        ("output", "present"),
        ("mask_filter_value", "num_heads", "scale", "unidirectional"),
        only=_SHARED_BUFFER,
    ),
    "MultiHeadAttention": Operator(
        attention.multi_head_attention,
        (
            *("query", "key", "value", "bias", "key_padding_mask", "attention_bias", "past_key", "past_value"),
            *("past_sequence_length", "cache_indirection"),
        ),
        ("output", "present_key", "present_value", "qk"),
        ("mask_filter_value", "num_heads", "scale", "unidirectional"),
        without=("past_sequence_length", "cache_indirection"),
    ),
    "GroupQueryAttention": Operator(
        group_query_attention,
        (
            *("query", "key", "value", "past_key", "past_value", "seqlens_k", "total_sequence_length"),
            *("cos_cache", "sin_cache", "position_ids", "attention_bias", "head_sink", "k_scale", "v_scale"),
            *("q_norm_weight", "k_norm_weight", "query_seqlens"),
        ),
        ("output", "present_key", "present_value", "output_qk"),
        (
            *("causal", "do_rotary", "k_norm_epsilon", "kv_num_heads", "local_window_size", "num_heads"),
            *("q_norm_epsilon", "qk_norm_epsilon", "qk_output", "rotary_interleaved", "scale", "smooth_softmax"),
            "softcap",
        ),
        without=("k_scale", "v_scale", "query_seqlens"),
        only={"k_quant_type": "NONE", "v_quant_type": "NONE", "kv_cache_bit_width": 0, "sliding_window_cache": 0},
    ),
    "RotaryEmbedding": Operator(
        rotary_embedding,
        ("input", "position_ids", "cos_cache", "sin_cache"),
        ("output",),
        ("interleaved", "num_heads", "rotary_embedding_dim"),
        only={"is_packed_batching": 0, "scale": 1.0},
    ),
    "RelativePositionBias": Operator(
        embedding.relative_position_bias,
        ("bias_table", "query_length", "key_length"),
        ("output",),
        ("is_bidirectional", "max_distance"),
    ),
}

_EMBEDDINGS: Mapping[str, Operator] = {
    "EmbedLayerNormalization": Operator(
        embedding.embed_layer_normalization,
        (
            *("input_ids", "segment_ids", "word_embedding", "position_embedding", "segment_embedding"),
            *("gamma", "beta", "mask", "position_ids"),
        ),
        ("output", "mask_index", "embedding_sum"),
        ("epsilon", "mask_index_type"),
    ),
    "QEmbedLayerNormalization": Operator(
        embedding.quantized_embed_layer_normalization,
        (
            *("input_ids", "segment_ids", "word_embedding_quant", "position_embedding_quant", "segment_embedding"),
            *("gamma_quant", "beta_quant", "mask", "word_embedding_scale", "position_embedding_scale"),
            *("segment_embedding_scale", "gamma_scale", "beta_scale", "word_embedding_zero_point"),
            *("position_embedding_zero_point", "segment_embedding_zero_point", "gamma_zero_point", "beta_zero_point"),
        ),
        ("layernorm_out", "mask_index_out"),
        ("epsilon",),
    ),
    "GatherBlockQuantized": Operator(
        embedding.gather_block_quantized,
        ("data", "indices", "scales", "zero_points"),
        ("output",),
        ("bits", "block_size", "gather_axis", "quantize_axis"),
    ),
}

_NORMS: Mapping[str, Operator] = {
    "SkipLayerNormalization": Operator(
        normalisations.skip_norm("LayerNormalization"),
        ("input", "skip", "gamma", "beta", "bias"),
        ("output", "mean", "inv_std_var", "input_skip_bias_sum"),
        ("epsilon",),
        without=("mean", "inv_std_var"),
    ),
    "SkipSimplifiedLayerNormalization": Operator(
        normalisations.skip_norm("RMSNormalization"),
        ("input", "skip", "gamma", "bias"),
        ("output", "mean", "inv_std_var", "input_skip_bias_sum"),
        ("epsilon",),
        without=("mean", "inv_std_var"),
    ),
    "GroupNorm": Operator(
        normalisations.group_norm,
        ("X", "gamma", "beta"),
        attributes=("activation", "channels_last", "epsilon", "groups"),
    ),
    "SkipGroupNorm": Operator(
        normalisations.skip_group_norm,
        ("X", "gamma", "beta", "skip", "bias"),
        ("Y", "S"),
        ("activation", "channels_last", "epsilon", "groups"),
    ),
}

_ACTIVATIONS: Mapping[str, Operator] = {
    "Gelu": Operator(activations.gelu, ("X",)),
    "BiasGelu": Operator(activations.gelu, ("A", "B"), ("C",)),
    "FastGelu": Operator(activations.gelu, ("X", "bias")),
    "QuickGelu": Operator(activations.quick_gelu, ("X",), attributes=("alpha",)),
    "ScaledSiLU": Operator(activations.scaled_silu, ("X", "scale"), attributes=("alpha",)),
    "BiasSplitGelu": Operator(activations.bias_split_gelu, ("X", "bias")),
    "SwiGLU": Operator(
        activations.swiglu,
        ("gate", "up"),
        ("output",),
        ("activation_alpha", "activation_beta", "limit"),
        only={"round_activation": 0},
    ),
    "BiasAdd": Operator(activations.bias_add, ("X", "bias", "skip")),
    "BiasDropout": Operator(
        activations.bias_dropout,
        ("data", "bias", "residual", "ratio", "training_mode"),
        ("output", "mask"),
        ("seed",),
        without=("mask",),
    ),
    "BiasSoftmax": Operator(activations.bias_softmax, ("data", "bias"), ("output",), ("axis", "is_inner_broadcast")),
}

_PRODUCTS: Mapping[str, Operator] = {
    "FusedMatMul": Operator(products.fused_matmul, ("A", "B"), attributes=(*_TRANSPOSED, "transBatchA", "transBatchB")),
    "TransposeMatMul": Operator(products.fused_matmul, ("A", "B"), attributes=_TRANSPOSED),
    "FusedMatMulActivation": Operator(
        products.fused_matmul,
        ("A", "B"),
        attributes=(*_TRANSPOSED, "transBatchA", "transBatchB", *_ACTIVATION),
        only={"activation_axis": 0},
    ),
    "FusedGemm": Operator(products.fused_gemm, ("A", "B", "C"), attributes=(*_TRANSPOSED, "beta", *_ACTIVATION)),
    "GemmFastGelu": Operator(products.gemm_fast_gelu, ("X", "W", "bias")),
    "MatMulInteger16": Operator(products.matmul_integer_16, ("A", "B")),
    "MatMulIntegerToFloat": Operator(
        products.matmul_integer_to_float,
        ("A", "B", "a_scale", "b_scale", "a_zero_point", "b_zero_point", "bias"),
    ),
    "DynamicQuantizeMatMul": Operator(products.dynamic_quantize_matmul, ("A", "B", "b_scale", "b_zero_point", "bias")),
    "MatMulNBits": Operator(
        products.matmul_n_bits,
        ("A", "B", "scales", "zero_points", "g_idx", "bias"),
        attributes=("K", "N", "accuracy_level", "bits", "block_size"),
        without=("g_idx",),
        only={"weight_prepacked": 0},
    ),
    "MatMulBnb4": Operator(
        products.matmul_bnb4,
        ("A", "B", "absmax"),
        attributes=("K", "N", "block_size", "quant_type"),
        only={"training_mode": 0, "transB": 1},
    ),
}

_CONVOLUTIONS: Mapping[str, Operator] = {
    "FusedConv": Operator(
        convolution.fused_conv, ("X", "W", "B", "Z"), attributes=(*_CONV, "activation", "activation_params")
    ),
    "NhwcConv": Operator(convolution.nhwc_conv, ("X", "W", "B"), attributes=_CONV),
    "NhwcFusedConv": Operator(
        convolution.nhwc_conv, ("X", "W", "B", "Z"), attributes=(*_CONV, "activation", "activation_params")
    ),
    "NhwcMaxPool": Operator(convolution.nhwc_max_pool, ("x",), ("y",), (*convolution.WINDOW, "ceil_mode")),
    "QLinearConv": Operator(
        convolution.q_linear_conv,
        ("x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point", "y_scale", "y_zero_point", "B"),
        ("y",),
        (*_CONV, "channels_last"),
    ),
}

_QUANTIZED: Mapping[str, Operator] = {
    "QLinearAdd": Operator(q.binary("Add"), (*_A, *_B, *_C), ("C",)),
    "QLinearMul": Operator(q.binary("Mul"), (*_A, *_B, *_C), ("C",)),
    "QLinearAveragePool": Operator(
        q.unary("AveragePool", *convolution.WINDOW, "ceil_mode", "count_include_pad"),
        (*_X, *_Y),
        attributes=(*convolution.WINDOW, "ceil_mode", "channels_last", "count_include_pad"),
    ),
    "QLinearGlobalAveragePool": Operator(q.unary("GlobalAveragePool"), (*_X, *_Y), attributes=("channels_last",)),
    "QLinearLeakyRelu": Operator(q.unary("LeakyRelu", "alpha"), (*_X, *_Y), attributes=("alpha",)),
    "QLinearSigmoid": Operator(q.unary("Sigmoid"), (*_X, *_Y)),
    "QLinearSoftmax": Operator(q.softmax, (*_X, *_Y), attributes=("axis", "opset")),
    "QLinearConcat": Operator(q.concat, (*_Y, "inputs"), attributes=("axis",), repeats=True),
    "QLinearWhere": Operator(
        q.where, ("condition", *_X, "Y", "y_scale", "y_zero_point", "z_scale", "z_zero_point"), ("Z",)
    ),
    "QLinearReduceMean": Operator(
        q.reduce_mean,
        ("data", "data_scale", "data_zero_point", "reduced_scale", "reduced_zero_point"),
        ("reduced",),
        ("axes", "keepdims"),
    ),
    "QGemm": Operator(q.gemm, (*_A, *_B, "C", "y_scale", "y_zero_point"), attributes=_TRANSPOSED),
    "MulInteger": Operator(q.multiply, ("A", "A_zero_point", "B", "B_zero_point"), ("C",)),
    "ReduceSumInteger": Operator(q.reduce_sum, ("data",), ("reduced",), ("axes", "keepdims")),
}

OPERATORS: Mapping[str, Operator] = {
    **_ATTENTION,
    **_EMBEDDINGS,
    **_NORMS,
    **_ACTIVATIONS,
    **_PRODUCTS,
    **_CONVOLUTIONS,
    **_QUANTIZED,
}
"""Operator type -> how it is built."""

_OF_DATA = "has tensors whose size depends on data; sizes must be known at compile time. Save the file without packing"
_SEARCH = "runs a decoder in a loop; compile the decoder by itself and loop around it"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("PackedAttention", "PackedMultiHeadAttention", "RemovePadding", "RestorePadding"), _OF_DATA),
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), _SEARCH),
    "DecoderMaskedMultiHeadAttention": "shares its cache between runs; save the file with MultiHeadAttention",
    "DecoderMaskedSelfAttention": "shares its cache between runs; save the file with Attention",
    "DynamicQuantizeLSTM": (
        "quantises its state anew at each step, which is not supported; quantise the network without it "
        "(op_types_to_quantize of onnxruntime's quantize_dynamic), so that its LSTM stays float"
    ),
}
"""Operators that are known but refused -> why, and what would do."""
